import { describe, expect, it } from 'vitest';
import { isBatchName } from './batch-name.js';
import { pullArgs, pushArgs } from './rsync-args.js';
import { EXIT_CODES, failureOf, verdictOf } from './rsync-exit.js';
import { authorizedKeysLine, rsyncdConfig } from './rsyncd-config.js';
import {
  checkPeer,
  controlArgs,
  controlPath,
  LinkConfigError,
  masterArgs,
  plainPath,
  type SshPeer,
  sshOptions,
} from './ssh-args.js';

const peer: SshPeer = {
  host: 'hub.example',
  port: 2222,
  user: 'axle',
  keyFile: '/var/lib/axle/id',
  knownHostsFile: '/var/lib/axle/known_hosts',
};

describe('batch names', () => {
  it('passes what the sender makes', () => {
    expect(isBatchName('0000000000000042-roflfaucet~9f3a61c2-k3x9.batch')).toBe(true);
    expect(isBatchName(`0000000000000042-${'a'.repeat(63)}~00000000-${'z'.repeat(12)}.batch`)).toBe(true);
  });

  it.each([
    ['a path', '../0000000000000042-a~9f3a61c2-k.batch'],
    ['a leading dash', '-000000000000042-a~9f3a61c2-k.batch'],
    ['a trailing newline', '0000000000000042-a~9f3a61c2-k.batch\n'],
    ['a NUL', '0000000000000042-a~9f3a61c2-k.batch\0'],
    ['a temporary file of rsync', '.0000000000000042-a~9f3a61c2-k.batch.Xy12Zw'],
    ['a shell', '0000000000000042-a;id~9f3a61c2-k.batch'],
    ['capitals', '0000000000000042-A~9f3a61c2-k.batch'],
    ['a long site name', `0000000000000042-${'a'.repeat(64)}~00000000-k.batch`],
    ['nothing', ''],
  ])('refuses %s', (_what, name) => expect(isBatchName(name)).toBe(false));
});

describe('argument lists', () => {
  const rsh = (args: string[]): string[] => (args.find((arg) => arg.startsWith('--rsh=')) ?? '').slice(6).split(' ');

  it('push: names come on standard input, and the list is fixed', () => {
    const args = pushArgs({ peer, module: 'inbox', control: '/run/axle/cm-1' }, '/spool/out/.sending');
    expect(args.filter((arg) => !arg.startsWith('--rsh='))).toEqual([
      '--whole-file',
      '--ignore-times',
      '--no-relative',
      '--no-dirs',
      '--from0',
      '--files-from=-',
      '--remove-source-files',
      '--info=remove',
      '--outbuf=L',
      '--no-motd',
      '/spool/out/.sending/',
      'hub.example::inbox/',
    ]);
    expect(rsh(args)).toEqual(['ssh', ...sshOptions(peer, '/run/axle/cm-1')]);
    expect(pushArgs({ peer, module: 'inbox', control: 'none' }, '/s', { fsync: true })).toContain('--fsync');
  });

  it('pull: only batches, no links, no deletes, a size limit', () => {
    const remote = { peer: { ...peer, host: 'fd00::1' }, module: 'outbox', control: 'none' };
    const args = pullArgs(remote, '/spool/in/.pull', { file_bytes_max: 1000, timeout_s: 20 });
    expect(args).toEqual(expect.arrayContaining(['--no-links', '--max-size=1000', '--timeout=20', '--exclude=*']));
    expect(args.indexOf('--exclude-from=-')).toBeLessThan(args.findIndex((arg) => arg.startsWith('--include=')));
    expect(args.join(' ')).not.toContain('delete');
    expect(args.slice(-2)).toEqual(['[fd00::1]::outbox/', '/spool/in/.pull/']);
  });

  it('ssh: never asks, never trusts a new key, reads nobody’s configuration', () => {
    const options = sshOptions(peer, 'none');
    for (const must of ['BatchMode=yes', 'StrictHostKeyChecking=yes', 'IdentitiesOnly=yes', 'ControlMaster=no']) {
      expect(options).toContain(must);
    }
    expect(options.slice(0, 2)).toEqual(['-F', 'none']);
    expect(options).toContain('UserKnownHostsFile=/var/lib/axle/known_hosts');
  });

  it('ssh master: ControlMaster=yes without -M, for both together refuse every session', () => {
    const args = masterArgs(peer, '/run/axle/cm-1');
    expect(args).toContain('ControlMaster=yes');
    expect(args).not.toContain('-M');
    expect(args.slice(-3)).toEqual(['-N', '--', 'hub.example']);
    expect(controlArgs(peer, '/run/axle/cm-1', 'check').slice(-4)).toEqual(['-O', 'check', '--', 'hub.example']);
  });

  it('control socket: short, one for each peer and account', () => {
    expect(controlPath('/run/axle', peer)).toMatch(/^\/run\/axle\/cm-[0-9a-f]{12}$/);
    expect(controlPath('/run/axle', peer)).not.toBe(controlPath('/run/axle', { ...peer, user: 'other' }));
    expect(() => controlPath(`/run/${'x'.repeat(90)}`, peer)).toThrow(LinkConfigError);
  });

  it.each([
    ['host', { host: '-oProxyCommand=id' }],
    ['host', { host: 'a b' }],
    ['user', { user: 'a -o ProxyCommand=id' }],
    ['port', { port: 70_000 }],
    ['keyFile', { keyFile: '/key with space' }],
    ['keyFile', { keyFile: 'relative' }],
    ['knownHostsFile', { knownHostsFile: '/a/../b' }],
    ['knownHostsFile', { knownHostsFile: '/%h' }],
  ])('refuses a %s that would need quoting or be an option', (field, part) => {
    expect(() => checkPeer({ ...peer, ...part })).toThrow(expect.objectContaining({ field, code: 'bad-link-config' }));
  });

  it('a plain path is one that no quoting rule on the way can change', () => {
    for (const bad of ['/a b', '/a"b', "/a'b", '/a%b', '/a$b', '/a\nb', '/a#b', '/a\\b', '/..']) {
      expect(() => plainPath('path', bad)).toThrow(LinkConfigError);
    }
    expect(plainPath('path', '/var/lib/axle-1/in_box.d')).toBe('/var/lib/axle-1/in_box.d');
  });
});

describe('the meaning of an ended rsync', () => {
  const ended = (code: number | null, stderr = '') =>
    failureOf({ code, signal: null, stdout: '', stderr, timedOut: false, ms: 5 });

  it.each([
    [1, false],
    [2, false],
    [4, false],
    [10, true],
    [11, true],
    [12, true],
    [23, true],
    [24, true],
    [25, false],
    [30, true],
    [35, true],
    [255, true],
    [99, true],
  ])('exit code %i: retry %s', (code, retry) => expect(ended(code)).toMatchObject({ ok: false, retry }));

  it('alarms on a full disk, and has a hint for every code', () => {
    expect(ended(11)).toMatchObject({ code: 'disk-full' });
    expect(verdictOf('disk-full')).toBe('alarm');
    for (const row of Object.values(EXIT_CODES)) expect(row.hint.length).toBeGreaterThan(20);
  });

  it.each([
    ['host-key-changed', 255, '@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.'],
    ['host-key-unknown', 255, 'No ED25519 host key is known for h and you have requested strict checking.'],
    ['key-refused', 255, 'axle@h: Permission denied (publickey).'],
    ['key-unreadable', 255, 'Load key "/k": error in libcrypto\nroot@h: Permission denied (publickey).'],
    ['host-not-found', 255, 'ssh: Could not resolve hostname h: Name or service not known'],
    ['connection-refused', 255, 'ssh: connect to host h port 22: Connection refused'],
    ['connection-timeout', 255, 'ssh: connect to host h port 22: Connection timed out'],
    ['unknown-module', 5, "@ERROR: Unknown module 'x'"],
    ['too-many-connections', 5, '@ERROR: max connections (16) reached -- try again later'],
    ['disk-full', 23, 'rsync: write failed on "x": No space left on device (28)'],
    ['inbox-not-writable', 23, 'rsync: [receiver] mkstemp ".x.Ab" (in inbox) failed: Permission denied (13)'],
    ['program-missing', 127, 'sh: 1: rsync: not found'],
  ])('%s by what was said', (code, exit, text) => expect(ended(exit, text)).toMatchObject({ code }));

  it('tells a missing program, a time limit, and success without a confirmation', () => {
    const none = { code: null, signal: null, stdout: '', stderr: '', timedOut: false, ms: 0 };
    expect(failureOf({ ...none, failedToStart: 'ENOENT' })).toMatchObject({ code: 'program-missing', retry: false });
    expect(failureOf({ ...none, timedOut: true })).toMatchObject({ code: 'time-limit', retry: true });
    expect(ended(0)).toMatchObject({ code: 'not-confirmed', retry: true });
  });

  it('keeps what the peer printed on one short line', () => {
    const text = `\u001b[31mforged\n<3>log line${'x'.repeat(1000)}`;
    const { message } = ended(12, text);
    expect([...message].every((char) => char >= ' ')).toBe(true);
    expect(message.length).toBeLessThan(500);
  });
});

describe('the receiving end', () => {
  it('has an inbox that can only be filled, with batches, by our client', () => {
    const text = rsyncdConfig({ inboxFolder: '/spool/in', lockFile: '/run/axle/lock' });
    for (const line of ['use chroot = no', 'munge symlinks = yes', 'path = /spool/in', 'write only = yes']) {
      expect(text.split('\n')).toContain(line);
    }
    expect(text).toMatch(/refuse options = \* !whole-file/);
    expect(text).not.toContain('[outbox]');
    expect(text).not.toContain('uid =');
  });

  it('has an outbox that can only be read, where one is asked for', () => {
    const text = rsyncdConfig({ inboxFolder: '/spool/in', outboxFolder: '/spool/out', lockFile: '/run/axle/lock' });
    const outbox = text.slice(text.indexOf('[outbox]'));
    expect(outbox).toContain('read only = yes');
    expect(outbox).not.toContain('!remove-source-files');
  });

  it('takes no path that the configuration could misread', () => {
    expect(() => rsyncdConfig({ inboxFolder: '/in\n[root]\npath = /', lockFile: '/l' })).toThrow(LinkConfigError);
    expect(() => rsyncdConfig({ inboxFolder: '/in/%RSYNC_USER_NAME%', lockFile: '/l' })).toThrow(LinkConfigError);
  });

  it('is started by one exact line of authorized_keys', () => {
    expect(authorizedKeysLine('ssh-ed25519 AAAAC3Nz root@laptop\n', '/etc/axle/spoke.conf', 'roflfaucet')).toBe(
      'restrict,command="rsync --server --daemon --config=/etc/axle/spoke.conf ." ssh-ed25519 AAAAC3Nz axle-roflfaucet',
    );
    for (const bad of ['', 'command="id" ssh-ed25519 AAAA', 'ssh-ed25519 AAAA\nssh-ed25519 BBBB', 'PRIVATE KEY']) {
      expect(() => authorizedKeysLine(bad, '/c', 'a')).toThrow(LinkConfigError);
    }
    expect(() => authorizedKeysLine('ssh-ed25519 AAAA', '/c', 'a\nssh-rsa B')).toThrow(LinkConfigError);
  });
});
