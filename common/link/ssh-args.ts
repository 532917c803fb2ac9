import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** How to reach a peer by ssh. Every file is absolute; known_hosts and the key are ours alone, never ~/.ssh. */
export type SshPeer = {
  /** Name or address, without brackets. */
  readonly host: string;
  /** Default 22. */
  readonly port?: number;
  readonly user: string;
  /** Private key. */
  readonly keyFile: string;
  readonly knownHostsFile: string;
};

/** A configuration that cannot be turned into a safe argument list. Thrown at construction, never in a transfer. */
export class LinkConfigError extends Error {
  override readonly name = 'LinkConfigError';
  readonly code = 'bad-link-config';
  constructor(
    readonly field: string,
    problem: string,
    readonly hint: string,
  ) {
    super(`${field}: ${problem}`);
  }
}

/** Seconds ssh waits for TCP, banner and key exchange together; a cold transfer must fit into its limit with room to spare. */
const CONNECT_TIMEOUT_S = 10;
/** A dead network is noticed after interval × count seconds without an answer. */
const ALIVE_INTERVAL_S = 5;
const ALIVE_COUNT_MAX = 3;
/** sun_path holds 108 bytes, and ssh adds a 17-byte suffix while it creates the socket. */
const SOCKET_PATH_MAX = 90;

const PLAIN_PATH = /^\/[A-Za-z0-9_@+=:,./~-]*$/;
const HOST = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/;
const USER = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/**
 * rsync splits its `--rsh` text at spaces, ssh expands `%` and quotes in option values, rsyncd.conf has `%` variables and
 * comments: three quoting rules. A path that needs none of them is safe in all three.
 */
export function plainPath(field: string, path: string): string {
  if (PLAIN_PATH.test(path) && !path.split('/').includes('..')) return path;
  const hint = 'Use an absolute path of letters, digits and the characters _ @ + = : , . ~ - without "..".';
  throw new LinkConfigError(field, `not a plain absolute path (got ${JSON.stringify(path)})`, hint);
}

export function checkPeer(peer: SshPeer): SshPeer {
  if (!HOST.test(peer.host)) {
    throw new LinkConfigError(
      'host',
      `not a host name or address (got ${JSON.stringify(peer.host)})`,
      'Use a plain name.',
    );
  }
  if (!USER.test(peer.user)) {
    throw new LinkConfigError('user', `not an account name (got ${JSON.stringify(peer.user)})`, 'Use a plain name.');
  }
  const port = peer.port ?? 22;
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new LinkConfigError('port', `must be 1–65535 (got ${port})`, 'Correct the port.');
  }
  plainPath('keyFile', peer.keyFile);
  plainPath('knownHostsFile', peer.knownHostsFile);
  return peer;
}

/** One short socket path per peer and account. Not ssh's own `%C`: we must know the name to remove a stale one. */
export function controlPath(runtimeFolder: string, peer: SshPeer): string {
  const id = createHash('sha256')
    .update(`${peer.user}@${peer.host}:${peer.port ?? 22} ${peer.keyFile}`)
    .digest('hex');
  const path = plainPath('runtimeFolder', join(runtimeFolder, `cm-${id.slice(0, 12)}`));
  if (path.length <= SOCKET_PATH_MAX) return path;
  const hint = 'Use a shorter runtime folder, such as /run/axle.';
  throw new LinkConfigError('runtimeFolder', `too long for a socket (${path.length} > ${SOCKET_PATH_MAX})`, hint);
}

/** Options that every ssh of ours carries. `control`: use that master's socket if it is there, or `none`: go directly. */
export function sshOptions(peer: SshPeer, control: string | 'none', master: 'no' | 'yes' = 'no'): string[] {
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${peer.knownHostsFile}`,
    'GlobalKnownHostsFile=/dev/null',
    'UpdateHostKeys=no',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'PreferredAuthentications=publickey',
    `ConnectTimeout=${CONNECT_TIMEOUT_S}`,
    `ServerAliveInterval=${ALIVE_INTERVAL_S}`,
    `ServerAliveCountMax=${ALIVE_COUNT_MAX}`,
    'ForwardAgent=no',
    'ClearAllForwardings=yes',
    'Compression=no',
    // Errors only: a warm process that says anything is taken for broken.
    'LogLevel=ERROR',
    `ControlMaster=${master}`,
    `ControlPath=${control}`,
    'ControlPersist=no',
  ];
  return [
    // No configuration but this list: a `Host *` in somebody's file must not change how money travels.
    ...['-F', 'none', '-a', '-x', '-T'],
    ...['-p', String(peer.port ?? 22), '-l', peer.user, '-i', peer.keyFile],
    ...options.flatMap((option) => ['-o', option]),
  ];
}

/**
 * A master that only holds the connection (`-N`) and listens on its control socket. No `-M` beside `ControlMaster=yes`:
 * together they mean `ask`, and without a terminal every session is then refused ("Permission denied").
 */
export function masterArgs(peer: SshPeer, control: string): string[] {
  return [...sshOptions(peer, control, 'yes'), '-N', '--', peer.host];
}

/** Asks a running master (`check`) or ends it (`exit`). */
export function controlArgs(peer: SshPeer, control: string, command: 'check' | 'exit'): string[] {
  return [...sshOptions(peer, control), '-O', command, '--', peer.host];
}
