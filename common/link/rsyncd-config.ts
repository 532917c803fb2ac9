import { LinkConfigError, plainPath } from './ssh-args.js';

/**
 * The receiving end: an rsync daemon that lives as long as one ssh session, started by a forced command in
 * authorized_keys. The peer's own command line is ignored; it can reach the modules named here and nothing else.
 */
export type RsyncdOptions = {
  /** The folder that this one peer fills. No symlink that others can write may lie on the way to it. */
  readonly inboxFolder: string;
  /** For a peer that fetches (pull mode): the outbox made for it. */
  readonly outboxFolder?: string;
  /** Counts connections for `max connections`; any path that the account may write. */
  readonly lockFile: string;
  /** Default /dev/null: the daemon has several lines to say about every connection, and the client hears of every error. */
  readonly logFile?: string;
  /** Only if the daemon runs as root, which it should not: root would otherwise become `nobody`. */
  readonly runAs?: { readonly uid: string; readonly gid: string };
  /** Default 16: two warm ones, two being replaced, those just ending, and those that a cut network left behind. */
  readonly connections_max?: number;
};

/** As `module` in the peer's configuration. */
export const INBOX_MODULE = 'inbox';
export const OUTBOX_MODULE = 'outbox';

/** Longer than the life of an idle warm connection (45 s and its overlap), shorter than patience with a vanished peer. */
export const DAEMON_TIMEOUT_S = 90;

/** In the daemon's filter syntax; the exact pattern is checked by whoever reads the folder. */
const BATCH_GLOB = `/${'[0-9]'.repeat(16)}-*~*-*.batch`;

export function rsyncdConfig(options: RsyncdOptions): string {
  const lines = [
    '# Written by Axle. Started for one peer by its line in authorized_keys.',
    // chroot needs root. Modules confine without it: every name is cleaned of "..", and symlinks are made harmless.
    'use chroot = no',
    'munge symlinks = yes',
    ...(options.runAs ? [`uid = ${account(options.runAs.uid)}`, `gid = ${account(options.runAs.gid)}`] : []),
    `max connections = ${options.connections_max ?? 16}`,
    `lock file = ${plainPath('lockFile', options.lockFile)}`,
    `timeout = ${DAEMON_TIMEOUT_S}`,
    // Looking up the name of the peer's address would make a delivery wait for DNS.
    'reverse lookup = no',
    'transfer logging = no',
    `log file = ${plainPath('logFile', options.logFile ?? '/dev/null')}`,
    'list = no',
    'dont compress = *',
    '',
    `[${INBOX_MODULE}]`,
    `path = ${plainPath('inboxFolder', options.inboxFolder)}`,
    'read only = no',
    'write only = yes',
    'incoming chmod = F0640',
    ...onlyBatches(),
    // Everything is refused but what our client says (pushArgs): so no links, devices, directories, deletes, backups,
    // temporary or partial folders, in-place writes, or whatever a later rsync invents.
    'refuse options = * !whole-file !ignore-times !remove-source-files !fsync',
  ];
  if (options.outboxFolder !== undefined) {
    lines.push(
      '',
      `[${OUTBOX_MODULE}]`,
      `path = ${plainPath('outboxFolder', options.outboxFolder)}`,
      'read only = yes',
      ...onlyBatches(),
      // As pullArgs says it. Not `remove-source-files`: fetching never deletes here.
      'refuse options = * !dirs !whole-file !fsync !timeout !max-size',
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Other names do not exist for the peer: neither sent nor received. */
function onlyBatches(): string[] {
  return [`include = ${BATCH_GLOB}`, 'exclude = *'];
}

const PUBLIC_KEY =
  /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9-]+@openssh\.com) ([A-Za-z0-9+/]+={0,3})( .*)?$/;

/**
 * The line for the service account's authorized_keys. `restrict` switches off ptys, forwarding and user rc files.
 * `publicKey` is the content of the peer's .pub file; its comment is replaced by `peerName`.
 */
export function authorizedKeysLine(publicKey: string, configFile: string, peerName: string): string {
  const key = PUBLIC_KEY.exec(publicKey.trim());
  if (key === null) {
    throw new LinkConfigError(
      'publicKey',
      'not one line of an OpenSSH public key',
      'Give the content of the .pub file.',
    );
  }
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(peerName)) {
    throw new LinkConfigError(
      'peerName',
      `not a site name (got ${JSON.stringify(peerName)})`,
      'Use the name of the site.',
    );
  }
  const command = `rsync --server --daemon --config=${plainPath('configFile', configFile)} .`;
  return `restrict,command="${command}" ${key[1]} ${key[3]} axle-${peerName}`;
}

function account(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) return name;
  throw new LinkConfigError(
    'runAs',
    `not an account name (got ${JSON.stringify(name)})`,
    'Use a plain name or number.',
  );
}
