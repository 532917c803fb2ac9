/** `axle doctor` finds planted faults, each by its code, with real sites, a real sshd, real folders and programs. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ControlServer, controlSocket } from '../../common/runtime/control.js';
import { version } from '../../common/runtime/version.js';
import type { SiteStatus } from '../../common/site/status.js';
import { Lab } from '../../common/testing/sites.js';
import { needsMounts, SmallDisk } from '../../common/testing/small-disk.js';
import { missingForSshd, TestPeer } from '../../common/testing/sshd.js';
import { axle, configOf } from '../testing/lab.js';
import { examine } from './doctor.js';
import { CODES, type Finding, type Subject } from './finding.js';

const isRoot = process.getuid?.() === 0;
const PHP = 'www-data';

let lab: Lab;
let config = '';
let bin = '';

beforeAll(async () => {
  lab = new Lab({ spokes: ['roflfaucet'] });
  // Other accounts are to get as far as userdata.
  fs.chmodSync(lab.root, 0o755);
  await lab.start();
  config = configOf(lab, lab.site('roflfaucet'));
  bin = path.join(lab.root, 'bin');
});
afterAll(() => lab.close());

const PATH = process.env.PATH ?? '';
beforeEach(() => {
  fs.rmSync(bin, { recursive: true, force: true });
  fs.mkdirSync(bin);
  vi.stubEnv('PATH', `${bin}:${PATH}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** A program of our own in place of the machine's. */
function plant(program: string, script: string): void {
  fs.writeFileSync(path.join(bin, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

async function findings(file = config, over: Partial<Subject> = {}, roundTrip = false): Promise<Finding[]> {
  const all: Finding[] = [];
  await examine({ file, roundTrip, over: { systemd: '/nowhere', ...over } }, (finding) => all.push(finding));
  for (const { level, remedy, code } of all) {
    expect(CODES).toHaveProperty(code);
    if (level !== 'ok') expect(remedy, code).toMatch(/\S{3}/);
  }
  return all;
}

function wrong(all: readonly Finding[]): string[] {
  return all.filter(({ level }) => level !== 'ok').map(({ level, code, what }) => `${level} ${code} ${what}`);
}

describe('axle doctor', () => {
  it('finds nothing wrong with a healthy site, and leaves nothing behind', async () => {
    const all = await findings(config, {}, true);
    // Its userdata belongs to whoever runs the tests.
    expect(wrong(all).filter((one) => !one.includes('AXL-PHP-WRITE'))).toEqual([]);
    const codes = all.map(({ code }) => code);
    for (const code of ['AXL-WATCHER', 'AXL-ROUND-TRIP', 'AXL-CLOCK', 'AXL-BACKLOG', 'AXL-RSYNC', 'AXL-DISK'])
      expect(codes).toContain(code);
    const { userdata, state } = lab.site('roflfaucet');
    for (const folder of [userdata, path.join(userdata, 'balances'), state])
      expect(fs.readdirSync(folder).filter((name) => name.includes('doctor') || name.includes('probe'))).toEqual([]);
  });

  it('ends with its worst finding as exit code, and gives programs JSON', async () => {
    const { code, out } = await axle('doctor', '--json', '--config', config);
    const { worst, findings: all } = JSON.parse(out) as { worst: string; findings: Finding[] };
    expect(code).toBe({ ok: 0, warn: 1, fail: 2 }[worst]);
    expect(all.length).toBeGreaterThan(10);
    const text = await axle('doctor', '--config', config);
    expect(text.out).toContain('ok    ');
  });

  it('1: the daemon does not run', async () => {
    const dead = path.join(lab.root, 'dead.yaml');
    fs.writeFileSync(dead, fs.readFileSync(config, 'utf8').replace(/^state: .*$/m, `state: ${lab.root}/none`));
    const all = await findings(dead);
    expect(wrong(all)).toContainEqual(expect.stringContaining('fail AXL-NOT-RUNNING no daemon is running'));
    expect(wrong(all)).toContainEqual(expect.stringContaining('fail AXL-STATE-PERMISSION'));
  });

  it('2: the unit is dead, and not enabled', async () => {
    plant('systemctl', 'case $1 in is-active) echo failed; exit 3;; is-enabled) echo disabled; exit 1;; esac');
    const all = wrong(await findings(config, { systemd: lab.root }));
    expect(all).toContain('fail AXL-UNIT-INACTIVE sync-to-hub.service is failed');
    expect(all).toContain('warn AXL-UNIT-DISABLED sync-to-hub.service does not start at boot: it is disabled');
    plant('systemctl', 'case $1 in is-active) echo active;; is-enabled) echo enabled;; esac');
    expect(wrong(await findings(config, { systemd: lab.root })).filter((one) => one.includes('UNIT'))).toEqual([]);
  });

  it.each([
    ['is missing', 'exit 127', 'cannot be run'],
    ['is too old', "echo 'rsync  version 3.2.3  protocol version 31'", 'too old'],
    ['has holes, and is nobody’s package', "echo 'rsync  version 3.4.0  protocol version 32'", 'known security holes'],
  ])('3: rsync %s', async (_what, script, said) => {
    plant('rsync', script);
    plant('dpkg-query', 'exit 1');
    expect(wrong(await findings())).toContainEqual(expect.stringMatching(`fail AXL-RSYNC .*${said}`));
  });

  it('3: an older rsync is good where the distribution has repaired it', async () => {
    plant('rsync', "echo 'rsync  version 3.2.7  protocol version 31'");
    plant('dpkg-query', "printf 'rsync\\t3.2.7-1+deb12u4'");
    plant('apt-cache', "echo '  Installed: 3.2.7-1+deb12u4'; echo '  Candidate: 3.2.7-1+deb12u4'");
    expect(wrong(await findings()).filter((one) => one.includes('RSYNC'))).toEqual([]);
    plant('apt-cache', "echo '  Candidate: 3.2.7-1+deb12u5'");
    expect(wrong(await findings())).toContainEqual(expect.stringContaining('repaired one, 3.2.7-1+deb12u5'));
  });

  it('4: Node is too old', async () => {
    expect(wrong(await findings(config, { nodeVersion: 'v18.19.1' }))).toContain(
      'fail AXL-NODE Node v18.19.1 is too old',
    );
  });

  it.skipIf(!isRoot)("9: the site's PHP cannot write userdata", async () => {
    const { userdata } = lab.site('roflfaucet');
    execFileSync('chown', [PHP, userdata]);
    try {
      expect(wrong(await findings())).toContainEqual(
        expect.stringMatching(/fail AXL-PHP-WRITE the site's PHP \(www-data\) cannot write in .*balances: .*denied/),
      );
      execFileSync('chown', ['-R', PHP, userdata]);
      expect(wrong(await findings()).filter((one) => one.includes('PHP'))).toEqual([]);
    } finally {
      execFileSync('chown', ['-R', 'root', userdata]);
    }
  });

  it('10: the folder of balances is missing', async () => {
    const { userdata } = lab.site('roflfaucet');
    fs.renameSync(path.join(userdata, 'balances'), path.join(userdata, 'aside'));
    try {
      expect(wrong(await findings())).toContainEqual(expect.stringMatching(/fail AXL-NO-FOLDER .*balances is missing/));
    } finally {
      fs.renameSync(path.join(userdata, 'aside'), path.join(userdata, 'balances'));
    }
  });

  it('11: inotify has too little', async () => {
    const proc = path.join(lab.root, 'proc');
    fs.mkdirSync(path.join(proc, 'sys/fs/inotify'), { recursive: true });
    fs.writeFileSync(path.join(proc, 'sys/fs/inotify/max_user_watches'), '128\n');
    fs.writeFileSync(path.join(proc, 'sys/fs/inotify/max_user_instances'), '32\n');
    const all = wrong(await findings(config, { proc }));
    expect(all).toContain('fail AXL-INOTIFY fs.inotify.max_user_watches is 128');
    expect(all).toContain('warn AXL-INOTIFY fs.inotify.max_user_instances is 32');
  });

  it.skipIf(needsMounts('a full disk'))('12: a disk is nearly full', async () => {
    const state = path.join(lab.root, 'full');
    fs.mkdirSync(state);
    const disk = new SmallDisk(state);
    disk.mount(1024);
    try {
      disk.fill(8);
      const file = path.join(lab.root, 'full.yaml');
      fs.writeFileSync(file, fs.readFileSync(config, 'utf8').replace(/^state: .*$/m, `state: ${state}`));
      expect(wrong(await findings(file))).toContainEqual(expect.stringMatching(/fail AXL-DISK state .* 0 %/));
    } finally {
      disk.unmountAll();
    }
  });

  it('13: a clock is off', async () => {
    lab.hub.aheadMs = 20_000;
    try {
      await lab.hub.restart();
      await lab.settled();
      expect(wrong(await findings())).toContainEqual(
        expect.stringMatching(/warn AXL-CLOCK the clock of directsponsor is (19|20)\.\d s ahead of ours/),
      );
    } finally {
      lab.hub.aheadMs = 0;
      await lab.hub.restart();
    }
  });

  it('16: changes are held', async () => {
    const rofl = lab.site('roflfaucet');
    rofl.write('balances/1-andy', { balance: 100 });
    await lab.expectBalance('balances/1-andy', 100);
    rofl.write('balances/1-andy', { balance: 0 });
    await lab.until('it is held', () => rofl.store.countHeld() === 1);
    const all = await findings();
    expect(all.find(({ code }) => code === 'AXL-HELD')).toMatchObject({
      level: 'warn',
      remedy: `decide: axle held list --config ${config}`,
    });
    await axle('held', 'reject', '--all', '--config', config);
  });

  it.skipIf(!isRoot)('17: state, key and tokens are open to others', async () => {
    const { state } = lab.site('roflfaucet');
    fs.mkdirSync(path.join(state, 'ssh'));
    fs.writeFileSync(path.join(state, 'ssh/id_ed25519'), '', { mode: 0o644 });
    fs.chmodSync(path.join(state, 'state.db'), 0o666);
    execFileSync('chown', [PHP, path.join(state, 'ssh/id_ed25519')]);
    const all = wrong(await findings());
    expect(all).toContainEqual(
      expect.stringMatching(/AXL-STATE-PERMISSION .*id_ed25519 belongs to another .*mode 644/),
    );
    expect(all).toContainEqual(
      expect.stringMatching(/AXL-STATE-PERMISSION .*state.db may be used by others \(mode 666/),
    );
    fs.rmSync(path.join(state, 'ssh'), { recursive: true });
    fs.chmodSync(path.join(state, 'state.db'), 0o640);
  });

  it('18: the config has mistakes: each is told, and nothing else is asked', async () => {
    const file = path.join(lab.root, 'bad.yaml');
    fs.writeFileSync(file, 'site: Rofl\nuserdata: data\nhub: { site: ds, link: { type: ftp } }\n');
    const all = await findings(file);
    expect(new Set(all.map(({ code }) => code))).toEqual(new Set(['AXL-CONFIG']));
    expect(all).toHaveLength(3);
    expect((await axle('doctor', '--config', file)).code).toBe(2);
  });

  describe('of a daemon that says', () => {
    let server: ControlServer;
    let said: Partial<SiteStatus> = {};
    let isAlive = true;
    let file = '';

    beforeAll(async () => {
      const state = path.join(lab.root, 'said');
      fs.mkdirSync(path.join(state), { recursive: true });
      file = path.join(lab.root, 'said.yaml');
      fs.writeFileSync(file, fs.readFileSync(config, 'utf8').replace(/^state: .*$/m, `state: ${state}`));
      server = new ControlServer(controlSocket(state), {
        status: async () => ({ ...lab.site('roflfaucet').site.status(), ...said }),
        probe: async () => ({ isAlive, ms: 1 }),
        'round-trip': async () => [{ site: 'directsponsor' }],
      });
      await server.start();
    });
    beforeEach(() => {
      said = {};
      isAlive = true;
    });
    afterAll(() => server.close());

    it('14: that its watch is silent', async () => {
      isAlive = false;
      expect(wrong(await findings(file))).toContainEqual(expect.stringContaining('fail AXL-WATCHER a new file in'));
    });

    it('15: that its backlog stays', async () => {
      said = { backlog: { looks: 0, files: 7 } };
      expect(wrong(await findings(file))).toContain(
        'warn AXL-BACKLOG 7 files wait to be written, and no fewer after 3 s',
      );
    });

    it('that a peer is away, a step broken, a clock refused, another version, or no answer', async () => {
      const failure = { code: 'key-refused', message: 'no', hint: 'put the key there' };
      said = {
        peers: [{ site: 'directsponsor', isUp: false, behind: 3, heard_ms_ago: undefined, failure }],
        troubles: [{ step: 'absorb', code: 'AXL-DISK-FULL', reason: 'ENOSPC', hint: 'free space' }],
        counts: { 'batch refused AXL-CLOCK-AHEAD': 1 },
        version: '0.0.1',
      };
      const all = await findings(file, {}, true);
      const codes = all.filter(({ level }) => level !== 'ok').map(({ code }) => code);
      for (const code of ['AXL-PEER-AWAY', 'AXL-TROUBLE', 'AXL-CLOCK', 'AXL-VERSION', 'AXL-ROUND-TRIP'])
        expect(codes).toContain(code);
      expect(version()).not.toBe('0.0.1');
    });
  });

  it('the folder of balances is a symlink', async () => {
    const { userdata } = lab.site('roflfaucet');
    const folder = path.join(userdata, 'balances');
    fs.renameSync(folder, `${folder}-old`);
    fs.symlinkSync(`${folder}-old`, folder);
    try {
      expect(wrong(await findings())).toContainEqual(expect.stringContaining('balances is no real folder'));
    } finally {
      fs.rmSync(folder);
      fs.renameSync(`${folder}-old`, folder);
    }
  });
});

describe.skipIf(missingForSshd() !== undefined)('axle doctor, by ssh to a real sshd', () => {
  let peer: TestPeer;
  let file = '';

  beforeAll(async () => {
    peer = await TestPeer.open();
    const userdata = path.join(peer.folder, 'userdata');
    fs.mkdirSync(path.join(userdata, 'balances'), { recursive: true });
    fs.mkdirSync(path.join(peer.folder, 'state'));
    file = path.join(peer.folder, 'spoke.yaml');
    const { port, user, keyFile, knownHostsFile } = peer.peer;
    const link = `{ type: ssh, host: 127.0.0.1, port: ${port}, user: ${user}, key: ${keyFile}, known_hosts: ${knownHostsFile} }`;
    fs.writeFileSync(
      file,
      `site: rf\nuserdata: ${userdata}\nstate: ${peer.folder}/state\nhub: { site: ds, link: ${link} }\n`,
    );
  });
  afterAll(() => peer.close());
  afterEach(() => {
    peer.configure();
    peer.trustHost();
  });

  const ofPeer = async (): Promise<string[]> => {
    const codes = ['AXL-PEER-UNREACHABLE', 'AXL-HOST-KEY', 'AXL-KEY', 'AXL-FORCED-COMMAND', 'AXL-PEER-RSYNC'];
    return (await findings(file))
      .filter(({ code }) => codes.some((one) => code.startsWith(one)))
      .map(({ level, code, what }) => `${level} ${code} ${what}`);
  };

  it('finds a key that can do nothing but deliver', async () => {
    const all = await ofPeer();
    expect(all).toHaveLength(2);
    expect(all[0]).toMatch(/^ok AXL-HOST-KEY/);
    expect(all[1]).toMatch(/^ok AXL-FORCED-COMMAND/);
  });

  it('6: the host key has changed, or was never pinned', async () => {
    peer.trustHost(path.join(peer.folder, 'stranger'));
    expect(await ofPeer()).toEqual([expect.stringMatching(/^fail AXL-HOST-KEY .*host-key-changed/)]);
    fs.writeFileSync(peer.peer.knownHostsFile, '');
    expect(await ofPeer()).toEqual([expect.stringMatching(/^fail AXL-HOST-KEY .*host-key-unknown/)]);
  });

  it('7: our key is refused', async () => {
    fs.writeFileSync(path.join(peer.folder, 'authorized_keys'), '');
    expect(await ofPeer()).toEqual([expect.stringMatching(/^fail AXL-KEY-REFUSED/)]);
  });

  it('8: our key opens a shell, or forwards connections', async () => {
    const authorized = path.join(peer.folder, 'authorized_keys');
    const key = fs.readFileSync(`${peer.peer.keyFile}.pub`, 'utf8');
    const line = fs.readFileSync(authorized, 'utf8');
    fs.writeFileSync(authorized, key);
    expect(await ofPeer()).toEqual([expect.stringMatching(/^fail AXL-FORCED-COMMAND .*runs commands/)]);
    fs.writeFileSync(authorized, line.replace('restrict,', ''));
    expect((await ofPeer())[1]).toMatch(/^fail AXL-FORCED-COMMAND .*forwards connections/);
    fs.writeFileSync(authorized, `command="echo hello" ${key}`);
    expect(await ofPeer()).toEqual([expect.stringMatching(/^warn AXL-FORCED-COMMAND .*something else than rsync/)]);
  });

  it('the key is missing', async () => {
    fs.renameSync(peer.peer.keyFile, `${peer.peer.keyFile}.away`);
    expect(await ofPeer()).toEqual([expect.stringMatching(/^fail AXL-KEY-MISSING/)]);
    fs.renameSync(`${peer.peer.keyFile}.away`, peer.peer.keyFile);
  });

  it('5: the peer cannot be reached', async () => {
    await peer.down();
    expect(await ofPeer()).toEqual([expect.stringMatching(/^fail AXL-PEER-UNREACHABLE .*connection-refused/)]);
    await peer.up();
  });
});
