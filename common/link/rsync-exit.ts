import type { ProcessResult } from '../runtime/spawn.js';
import { type Failure, failure } from './transport.js';

/**
 * What an ended rsync means. Two sources: the text that ssh and rsync print where it names the cause, and otherwise the
 * exit code. `retry`: it may heal by itself. `alarm`: it may, but a person should hear of it now. `ours`: it will not.
 */
export type Verdict = 'retry' | 'alarm' | 'ours';

export type FailureCode =
  | 'host-key-changed'
  | 'host-key-unknown'
  | 'key-refused'
  | 'key-unreadable'
  | 'host-not-found'
  | 'connection-refused'
  | 'connection-timeout'
  | 'unknown-module'
  | 'too-many-connections'
  | 'option-refused'
  | 'disk-full'
  | 'inbox-missing'
  | 'inbox-not-writable'
  | 'ssh-failed'
  | 'rsync-usage'
  | 'rsync-protocol'
  | 'rsync-refused'
  | 'rsync-stream'
  | 'rsync-partial'
  | 'rsync-timeout'
  | 'rsync-other'
  | 'program-missing'
  | 'not-confirmed'
  | 'time-limit'
  | 'outbox-file'
  | 'inbox-local'
  | 'bad-name'
  | 'stopped';

type Row = { readonly code: FailureCode; readonly verdict: Verdict; readonly hint: string };

/** rsync's exit codes (rsync(1), EXIT VALUES). 23 and 24 are not success. */
export const EXIT_CODES: Readonly<Record<number, Row>> = {
  1: {
    code: 'rsync-usage',
    verdict: 'ours',
    hint: 'Install rsync 3.2.4 or newer here; otherwise report this as a fault of Axle.',
  },
  2: { code: 'rsync-protocol', verdict: 'ours', hint: 'Install rsync 3.2.4 or newer on both sites.' },
  4: {
    code: 'option-refused',
    verdict: 'ours',
    hint: 'Write the peer’s rsync daemon configuration again with this version of Axle.',
  },
  5: {
    code: 'rsync-refused',
    verdict: 'alarm',
    hint: 'Look at the peer’s rsync daemon configuration: the module refused to start.',
  },
  10: {
    code: 'connection-refused',
    verdict: 'retry',
    hint: 'Check that the peer is up and that the network lets ssh through.',
  },
  11: {
    code: 'disk-full',
    verdict: 'alarm',
    hint: 'The peer could not write the file, most likely a full disk: df -h there; then dmesg. Sending goes on by itself afterwards.',
  },
  12: {
    code: 'rsync-stream',
    verdict: 'retry',
    hint: 'The connection broke off. If it goes on: is rsync installed on the peer, and the forced command right?',
  },
  20: { code: 'stopped', verdict: 'retry', hint: 'rsync was told to end; nothing to do if this was a restart.' },
  23: { code: 'rsync-partial', verdict: 'retry', hint: 'Check the peer’s inbox folder: owner, mode and free space.' },
  24: { code: 'rsync-partial', verdict: 'retry', hint: 'A file vanished while it was sent; it is sent again.' },
  25: {
    code: 'rsync-usage',
    verdict: 'ours',
    hint: 'A delete limit was hit although nothing is ever deleted: report this as a fault of Axle.',
  },
  30: { code: 'rsync-timeout', verdict: 'retry', hint: 'Check the network between the sites.' },
  35: { code: 'rsync-timeout', verdict: 'retry', hint: 'Check the network between the sites.' },
  127: { code: 'program-missing', verdict: 'ours', hint: 'Install rsync on the peer.' },
  255: {
    code: 'ssh-failed',
    verdict: 'retry',
    hint: 'Try by hand as the service account: ssh -v with the configured key, known_hosts, user and port.',
  },
};

const OTHER: Row = { code: 'rsync-other', verdict: 'retry', hint: 'See EXIT VALUES in rsync(1), and the peer’s log.' };

/**
 * First match wins: causes before their consequences. For messages with LC_ALL=C. Provoked for real (rsync 3.5.0, OpenSSH
 * 9.2) by the transport's tests: host keys, refused key, refused connection, module, full disk, inbox missing or not
 * writable. The others are written from knowledge of the programs and tested only against sample text.
 */
const TEXTS: readonly (Row & { readonly text: RegExp })[] = [
  {
    text: /REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/i,
    code: 'host-key-changed',
    verdict: 'ours',
    hint: 'Do not send until you know why: was the peer reinstalled? Compare its key on its own console, then replace the line in known_hosts.',
  },
  {
    text: /No .*host key is known|Host key verification failed/i,
    code: 'host-key-unknown',
    verdict: 'ours',
    hint: 'Add the peer’s host key to known_hosts, compared on its own console: ssh-keyscan only shows it.',
  },
  {
    text: /Load key .*|identity file .* not accessible|UNPROTECTED PRIVATE KEY FILE/i,
    code: 'key-unreadable',
    verdict: 'ours',
    hint: 'The private key must be there, owned by the service account, mode 0600, without a passphrase.',
  },
  {
    text: /Permission denied \((publickey|[a-z,-]*publickey)/i,
    code: 'key-refused',
    verdict: 'ours',
    hint: 'Put this site’s public key into the peer’s authorized_keys; check that the account is not locked (usermod -p "*") and that its folder is not writable by others.',
  },
  {
    text: /Could not resolve hostname/i,
    code: 'host-not-found',
    verdict: 'retry',
    hint: 'Check the peer’s host name and DNS.',
  },
  {
    text: /Connection refused/i,
    code: 'connection-refused',
    verdict: 'retry',
    hint: 'Check that sshd runs on the peer, on this port.',
  },
  {
    text: /(Connection|Operation) timed out|No route to host|Network is unreachable|Timeout, server/i,
    code: 'connection-timeout',
    verdict: 'retry',
    hint: 'Check that the peer is up and that the network and firewall let ssh through.',
  },
  {
    text: /Unknown module/i,
    code: 'unknown-module',
    verdict: 'ours',
    hint: 'The peer’s rsync daemon configuration has no such module: write it again, or correct the module name here.',
  },
  {
    text: /max connections \(\d+\) reached/i,
    code: 'too-many-connections',
    verdict: 'retry',
    hint: 'Old connections end by themselves within two minutes; otherwise raise "max connections" on the peer.',
  },
  {
    text: /server is configured to refuse/i,
    code: 'option-refused',
    verdict: 'ours',
    hint: 'Write the peer’s rsync daemon configuration again with this version of Axle.',
  },
  {
    text: /No space left on device|Disk quota exceeded/i,
    code: 'disk-full',
    verdict: 'alarm',
    hint: 'The peer’s disk is full: free space there. Sending goes on by itself afterwards.',
  },
  {
    text: /chdir failed|@ERROR: .*chroot/i,
    code: 'inbox-missing',
    verdict: 'alarm',
    hint: 'The module’s folder is missing on the peer, or its account may not enter it.',
  },
  {
    text: /Read-only file system|mkstemp .* failed: Permission denied|module is (read|write) only/i,
    code: 'inbox-not-writable',
    verdict: 'alarm',
    hint: 'The peer’s account may not write into its inbox folder: check owner, mode, and ReadWritePaths of its service.',
  },
  {
    text: /rsync: (command )?not found/i,
    code: 'program-missing',
    verdict: 'ours',
    hint: 'Install rsync on the peer.',
  },
];

/** Codes of which a person should hear at once, though trying goes on. */
export function verdictOf(code: string): Verdict {
  const rows = [...TEXTS, ...Object.values(EXIT_CODES)];
  return rows.find((row) => row.code === code)?.verdict ?? 'retry';
}

/** A process that ended without the success that was expected of it, as a value for the caller. */
export function failureOf(result: ProcessResult, program: 'rsync' | 'ssh' = 'rsync'): Failure {
  if (result.failedToStart !== undefined) {
    const message = `${program} could not be started: ${result.failedToStart}`;
    return failure('program-missing', false, message, 'Install rsync and openssh-client on this machine.');
  }
  if (result.timedOut) {
    const message = `no success within ${Math.round(result.ms)} ms${quoted(result.stderr)}`;
    return failure('time-limit', true, message, 'Check the network between the sites, and the load of the peer.');
  }
  const text = `${result.stderr}\n${result.stdout}`;
  const row =
    TEXTS.find((candidate) => candidate.text.test(text)) ??
    EXIT_CODES[result.code ?? -1] ??
    (program === 'ssh' ? EXIT_CODES[255] : undefined) ??
    OTHER;
  if (result.code === 0 && program === 'rsync') {
    const hint = 'Is it a regular file, and does the peer’s daemon configuration come from this version of Axle?';
    return failure('not-confirmed', true, `rsync ended well but the peer confirmed nothing${quoted(text)}`, hint);
  }
  const how = result.code === null ? `was ended by ${result.signal}` : `ended with code ${result.code}`;
  return failure(row.code, row.verdict !== 'ours', `${program} ${how}${quoted(result.stderr)}`, row.hint);
}

/** The start of what was printed, on one line, without control characters: it came from outside and goes to a log. */
function quoted(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being removed.
  const line = text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  return line === '' ? '' : `: ${line.slice(0, 400)}`;
}
