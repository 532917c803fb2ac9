import Rsync from 'rsync';
import { type SshPeer, sshOptions } from './ssh-args.js';

/**
 * Argument lists for rsync, as pure values. npm `rsync` collects the options; the parts it would quote for a shell (the
 * ssh command, source and destination) are added here, because these lists go straight to the program. Nothing from
 * outside is ever an argument: names travel on standard input, ended by NUL.
 */

/** `name` is a module of the peer's daemon configuration. */
export type Remote = { readonly peer: SshPeer; readonly module: string; readonly control: string | 'none' };

export type PushOptions = {
  /** Sync the file's content at the far end before it gets its name. The folder itself is never synced by rsync. */
  readonly fsync?: boolean;
};

/** What rsync prints as soon as the far end has said that the file has its final name there. */
export const CONFIRMATION = 'sender removed ';

/**
 * Sends what standard input names out of `stageFolder`.
 *
 * - `--files-from=-`: everything up to and including the module's handshake happens before the first name is read, so
 *   that a process started early ("warm") has only the file itself left to do.
 * - `--remove-source-files --info=remove`: the only way to hear that the far end has renamed the file into place. It
 *   comes ~40 ms before rsync exits (rsync sleeps in steps of 20 ms while it ends). What is removed is a hard link made
 *   for the purpose.
 * - `--whole-file`: no delta, there is no older copy. `--ignore-times`: send again even what looks alike, so that a copy
 *   torn by a power cut at the far end is replaced. No `--times`, no `--perms`: nobody reads them.
 * - `--no-relative --no-dirs`: implied by --files-from, not needed for plain names, and refused by our daemon.
 * - No `--timeout`: the daemon would apply it to the idle warm connection. A hard kill timer bounds each transfer.
 */
export function pushArgs(remote: Remote, stageFolder: string, options: PushOptions = {}): string[] {
  const rsync = new Rsync()
    .set('whole-file')
    .set('ignore-times')
    .set('no-relative')
    .set('no-dirs')
    .set('from0')
    .set('files-from', '-')
    .set('remove-source-files')
    .set('info', 'remove')
    .set('outbuf', 'L')
    .set('no-motd');
  if (options.fsync) rsync.set('fsync');
  return [...rsync.args(), `--rsh=${sshCommand(remote)}`, folder(stageFolder), remoteUrl(remote)];
}

export type PullOptions = {
  /** Files larger than this are left where they are. */
  readonly file_bytes_max: number;
  /** Seconds without a byte before rsync itself gives up. */
  readonly timeout_s: number;
};

/** Matches batch names only roughly; the names are checked exactly before a file is accepted. */
const BATCH_GLOB = `${'[0-9]'.repeat(16)}-*~*-*.batch`;

/**
 * Fetches the top level of the peer's module into `intoFolder`. Standard input names what to leave out, ended by NUL.
 * `--dirs` lists without descending; without `--links` a symlink is skipped. Every file is synced, because a fetched
 * batch is announced as durable.
 */
export function pullArgs(remote: Remote, intoFolder: string, options: PullOptions): string[] {
  const rsync = new Rsync()
    .set('dirs')
    .set('no-links')
    .set('whole-file')
    .set('fsync')
    .set('from0')
    .set('exclude-from', '-')
    .set('max-size', String(options.file_bytes_max))
    .set('timeout', String(options.timeout_s))
    .set('no-motd');
  // Filters apply in the order of this list: first what was seen, then every batch, then nothing else.
  const filters = ['--no-devices', '--no-specials', `--include=/${BATCH_GLOB}`, '--exclude=*'];
  return [...rsync.args(), ...filters, `--rsh=${sshCommand(remote)}`, remoteUrl(remote), folder(intoFolder)];
}

/** Only plain words (`checkPeer`, `plainPath`), so that rsync's splitting at spaces gives back exactly this list. */
function sshCommand(remote: Remote): string {
  return ['ssh', ...sshOptions(remote.peer, remote.control)].join(' ');
}

function remoteUrl({ peer, module }: Remote): string {
  return `${peer.host.includes(':') ? `[${peer.host}]` : peer.host}::${module}/`;
}

/** A trailing slash means "inside of". */
function folder(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}
