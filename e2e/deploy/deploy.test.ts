import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { exec } from '../lab/exec.js';
import type { Host } from '../lab/host.js';
import { REPO_ROOT } from '../lab/repo.js';
import { needsLab } from '../lab/skip.js';
import { hostKeyLine } from '../lab/ssh.js';
import { sleep, waitFor } from '../lab/wait.js';
import { FAULTS } from './faults.js';
import type { Servers } from './servers.js';
import { asPhp, balance, bareServers, doctor, everywhere, makeApache, userdata } from './story.js';
import { load, makeWriters } from './writers.js';

const HUB = 'directsponsor';
const ROFL = 'roflfaucet';
const CLICK = 'clickforcharity';
/** Behind NAT: nobody can reach it. */
const HOME = 'homeserver';

const RELEASES = '/opt/axle/releases';
const unitOf = (site: string) => (site === HUB ? 'hub-distribute' : 'sync-to-hub');

/** One story: each test goes on where the one before ended. */
describe.skipIf(needsLab('deploying to real hosts'))('axle deploy', () => {
  const up = bareServers([HUB, ROFL, CLICK, HOME]);
  let servers: Servers;
  let three: string;
  let four: string;
  let older: string;
  let newer: string;
  let hub: Host;
  let rofl: Host;
  let click: Host;
  let home: Host;

  beforeAll(async () => {
    servers = up();
    [hub, rofl, click, home] = servers.lab.hosts as [Host, Host, Host, Host];
    await makeApache(hub);
    const apache = { [HUB]: { owner: 'apache:apache' } };
    three = servers.inventory('three', HUB, [ROFL, CLICK], apache);
    four = servers.inventory('four', HUB, [ROFL, CLICK, HOME], { ...apache, [HOME]: { link: 'pull' } });
    // Of one code, and not from this folder, in which somebody may be working.
    older = await servers.release('8.0.0');
    newer = await servers.release('9.0.0');
  });

  /** As the site's PHP writes. */
  const write = (host: Host, document: string, text: string): Promise<string> =>
    asPhp(host, `printf %s '${text}' > "$1"`, document, host === hub ? 'apache' : 'www-data');

  it('refuses a host whose key it does not know, and says how to come to know it', async () => {
    const known = readFileSync(servers.knownHosts, 'utf8');
    writeFileSync(servers.knownHosts, known.split('\n').slice(1).join('\n'));
    const { code, stderr } = await servers.deploy(older, ['plan', three]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/directsponsor: the host key of 10\.77\.0\.11 is not in .*: ssh-ed25519 SHA256:/);
    expect(stderr).toContain(`ssh-keyscan -p 22 ${hub.address} >>`);
    // Somebody in between.
    writeFileSync(
      servers.knownHosts,
      `${known}${hostKeyLine(rofl).replace(rofl.address, hub.address)}\n`.replace(hostKeyLine(hub), ''),
    );
    const changed = await servers.deploy(older, ['apply', three, '--yes', '--accept-new']);
    expect([changed.code, changed.stderr]).toEqual([1, expect.stringContaining('is not the known one')]);
    writeFileSync(servers.knownHosts, known.split('\n').slice(1).join('\n'));
    expect(await servers.deployWell(older, ['plan', three, '--accept-new'])).toContain(
      'trusting 10.77.0.11 from now on',
    );
    expect(readFileSync(servers.knownHosts, 'utf8')).toContain(hostKeyLine(hub));
  });

  it('asks before it changes anything, and plans change nothing', async () => {
    const { code, stderr } = await servers.deploy(older, ['apply', three]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--yes')]);
    for (const host of [hub, rofl, click]) expect(existsSync(host.path('/opt/axle'))).toBe(false);
  });

  it('brings three bare hosts to three syncing sites with one command', async () => {
    const began = performance.now();
    const said = await servers.deployWell(older, ['apply', three, '--yes']);
    console.log(`${said}from nothing to three sites: ${((performance.now() - began) / 1000).toFixed(1)} s`);
    expect(said).toMatch(/a test file reached directsponsor after \d+ ms\na test file reached clickforcharity after/);
    expect(said).not.toContain('PRIVATE');
    await write(rofl, 'balances/test-999', '{"user_id": "999-test", "balance": 5000}\n');
    await everywhere([hub, rofl, click], 'balances/test-999', 5000);
    expect((await hub.must(['stat', '-c', '%U:%G', `${userdata(HUB)}/balances/test-999.txt`])).trim()).toBe(
      'apache:apache',
    );
    for (const host of [hub, rofl, click]) {
      expect(existsSync(host.path(`${userdata(host.name)}/tokens/axle-deploy-check.txt`))).toBe(false);
      const key = host.path(`/var/lib/axle/${host.name}/ssh/id_ed25519`);
      expect((statSync(key).mode & 0o777).toString(8)).toBe('600');
      expect(existsSync(host.path('/opt/axle/deploy.lock'))).toBe(false);
      expect((await host.must(['systemctl', 'is-enabled', unitOf(host.name)])).trim()).toBe('enabled');
    }
  });

  it('has nothing to do the second time, and restarts nothing', async () => {
    const starts = () =>
      Promise.all(
        [hub, rofl, click].map((host) => host.must(['systemctl', 'show', '-P', 'InvocationID', unitOf(host.name)])),
      );
    const before = await starts();
    expect((await servers.deployWell(older, ['plan', three])).match(/nothing to do/g)).toHaveLength(3);
    expect(await servers.deployWell(older, ['apply', three, '--yes'])).toBe('nothing to do\n');
    expect(await starts()).toEqual(before);
  });

  it('says how each host is, also when one is away', async () => {
    console.log(await servers.deployWell(older, ['status', three]));
    const hosts = JSON.parse(await servers.deployWell(older, ['status', three, '--json'])) as object[];
    expect(hosts).toMatchObject([HUB, ROFL, CLICK].map((site) => ({ site, isGood: true, unit: 'active (running)' })));
    await click.must(['systemctl', 'stop', 'sync-to-hub']);
    const { code, stdout } = await servers.deploy(older, ['status', three]);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/clickforcharity .* inactive \(dead\)/)]);
    // A repair is a plan like any other.
    expect(await servers.deployWell(older, ['apply', three, '--yes'])).toContain('start clickforcharity');
  });

  it('leaves sites of which doctor finds nothing wrong', async () => {
    for (const host of [hub, rofl, click]) {
      const wrong = (await doctor(host)).filter(({ level }) => level === 'fail');
      expect(wrong, host.name).toEqual([]);
    }
  });

  it.each(FAULTS)('doctor names it: $what', async ({ code, plant, mend }) => {
    const hosts = { hub, spoke: rofl };
    expect((await doctor(rofl)).map((finding) => finding.code)).not.toContain(code);
    await plant(hosts);
    try {
      expect((await doctor(rofl)).map((finding) => finding.code)).toContain(code);
    } finally {
      await mend(hosts);
    }
    await waitFor('the site to be well again', { timeoutMs: 60_000 }, async () => {
      return (await rofl.run(['axle', 'status', '--config', '/etc/axle/spoke.yaml'])).code !== 2;
    });
  });

  it('lets one person deploy at a time, and says how to go on after one who has gone', async () => {
    hub.write('/opt/axle/deploy.lock', 'bob@laptop apply 2026-01-01T00:00:00.000Z 1\n');
    const { code, stderr } = await servers.deploy(older, ['apply', three, '--yes']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/bob@laptop has been at it \(axle deploy apply\) since 2026-01-01.*\n.*--break-lock/);
    expect(await servers.deployWell(older, ['apply', three, '--yes', '--break-lock'])).toBe('nothing to do\n');
  });

  it('has a release that runs by itself, for the writers of the next tests', async () => {
    for (const host of [rofl, click]) {
      await makeWriters(host);
      expect((await host.must(['/opt/load/bin/axle', '--version'])).trim()).toBe('8.0.0');
    }
  });

  it('upgrades while sites write: no credit is lost', async () => {
    for (const document of ['balances/1-shared', 'balances/2-rofl', 'balances/3-click'])
      await write(rofl, document, '{"balance":100}');
    await everywhere([hub, rofl, click], 'balances/3-click', 100);
    const { stop, credited } = load([
      [rofl, 'balances/1-shared'],
      [click, 'balances/1-shared'],
      [rofl, 'balances/2-rofl'],
      [click, 'balances/3-click'],
    ]);
    await sleep(2000);
    const said = await servers.deployWell(newer, ['apply', three, '--yes']);
    console.log(said);
    expect(said).toMatch(/version 8\.0\.0 → 9\.0\.0/);
    await sleep(1000);
    await stop();
    for (const [document, sum] of credited) {
      console.log(`${document}: ${sum} credits during the upgrade`);
      expect(sum).toBeGreaterThan(50);
      await everywhere([hub, rofl, click], document, 100 + sum);
    }
    for (const host of [hub, rofl, click]) {
      expect((await host.must(['axle', '--version'])).trim()).toBe('9.0.0');
      expect(readdirSync(host.path(RELEASES))).toHaveLength(2);
    }
  });

  it('goes back to the version before within seconds', async () => {
    const began = performance.now();
    console.log(await servers.deployWell(newer, ['rollback', three, '--yes']));
    const seconds = (performance.now() - began) / 1000;
    console.log(`rollback of three hosts: ${seconds.toFixed(1)} s`);
    expect(seconds).toBeLessThan(20);
    for (const host of [hub, rofl, click]) expect((await host.must(['axle', '--version'])).trim()).toBe('8.0.0');
    await write(click, 'balances/4-after', '{"balance":4}');
    await everywhere([hub, rofl, click], 'balances/4-after', 4);
  });

  it('refuses to go back to a version that cannot read the state', async () => {
    const manifest = hub.path(`${RELEASES}/9.0.0/release.json`);
    const good = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, good.replace(/"schema": \d+/, '"schema": 1'));
    const { code, stderr } = await servers.deploy(older, ['rollback', three, '--yes', '--to', '9.0.0']);
    writeFileSync(manifest, good);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/schema \d, and 9\.0\.0 reads up to 1.*\n.*Nothing was changed/),
    ]);
  });

  it('stops at a host that fails, leaves the next alone, and goes on when run again', async () => {
    const config = rofl.path('/etc/axle/spoke.yaml');
    renameSync(config, `${config}.away`);
    await rofl.must(['mkdir', '-p', '/etc/axle/spoke.yaml/x']);
    const before = await click.must(['systemctl', 'show', '-P', 'InvocationID', 'sync-to-hub']);
    const { code, stderr } = await servers.deploy(newer, ['apply', three, '--yes']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /roflfaucet: writing \/etc\/axle\/spoke\.yaml.*\n.*run the same command again.*\nStopped at/s,
    );
    expect(await click.must(['systemctl', 'show', '-P', 'InvocationID', 'sync-to-hub'])).toBe(before);
    await rofl.must(['rm', '-r', '/etc/axle/spoke.yaml']);
    await servers.deployWell(newer, ['apply', three, '--yes']);
    expect((await servers.deployWell(newer, ['plan', three])).match(/nothing to do/g)).toHaveLength(3);
  });

  it('adds a fourth site that fetches, while the others write', async () => {
    await home.must(['mkdir', '-p', `${userdata(HOME)}/balances`]);
    await home.must(['chown', '-R', 'www-data:', `/var/${HOME}-data`]);
    await write(home, 'balances/5-home', '{"balance":55}');
    const before = balance(hub, 'balances/1-shared') ?? 0;
    const { stop, credited } = load([
      [rofl, 'balances/1-shared'],
      [click, 'balances/1-shared'],
    ]);
    const said = await servers.deployWell(newer, ['apply', four, '--yes']);
    console.log(said);
    expect(said).toContain('a test file reached homeserver');
    await stop();
    const wanted = before + (credited.get('balances/1-shared') ?? 0);
    await everywhere([hub, rofl, click, home], 'balances/1-shared', wanted);
    await everywhere([hub, rofl, click, home], 'balances/5-home', 55);
    // Nobody may come in there, and nobody can: as behind NAT.
    expect(home.read('/var/lib/axle/.ssh/authorized_keys')).not.toContain('ssh-ed25519');
    await home.must(['systemctl', 'stop', 'ssh']);
    await write(home, 'balances/6-earned', '{"balance":6}');
    await everywhere([hub, rofl, click, home], 'balances/6-earned', 6);
    await write(rofl, 'balances/6-earned', '{"balance":66}');
    await everywhere([hub, rofl, click, home], 'balances/6-earned', 66);
    await home.must(['systemctl', 'start', 'ssh']);
    expect((await servers.deployWell(newer, ['plan', four])).match(/nothing to do/g)).toHaveLength(4);
  });

  it('uninstalls and leaves the data', async () => {
    const files = (host: Host) => readdirSync(host.path(`${userdata(host.name)}/balances`)).sort();
    const before = servers.lab.hosts.map(files);
    console.log(await servers.deployWell(older, ['uninstall', four, '--yes']));
    expect(servers.lab.hosts.map(files)).toEqual(before);
    for (const host of servers.lab.hosts) {
      for (const gone of ['/opt/axle', '/usr/local/bin/axle', '/var/lib/axle/.ssh/authorized_keys'])
        expect(existsSync(host.path(gone)), `${host.name} ${gone}`).toBe(false);
      expect((await host.run(['systemctl', 'cat', unitOf(host.name)])).code).not.toBe(0);
      expect(existsSync(host.path(`/var/lib/axle/${host.name}/state.db`))).toBe(true);
    }
    // With the state still there, all is as it was after one more command.
    await servers.deployWell(older, ['apply', four, '--yes']);
    await everywhere(servers.lab.hosts, 'balances/test-999', 5000);
    await servers.deployWell(older, ['uninstall', four, '--yes', '--purge-state']);
    expect(servers.lab.hosts.map(files)).toEqual(before);
    for (const host of servers.lab.hosts) {
      expect(existsSync(host.path('/var/lib/axle'))).toBe(false);
      expect((await host.run(['id', 'axle'])).code).not.toBe(0);
    }
    // From nothing again, with the files that were left: the hub's are the beginning.
    await servers.deployWell(older, ['apply', three, '--yes']);
    await everywhere([hub, rofl, click], 'balances/test-999', 5000);
  });

  it('a .deb of it installs on a bare host, runs a site, and purges without touching its data', async () => {
    const out = servers.folder;
    const pack = [
      process.execPath,
      `${REPO_ROOT}/dist/deploy/release/main.js`,
      '--deb',
      '--version',
      '9.1.0',
      '--out',
      out,
    ];
    expect(await exec(pack, { timeoutMs: 240_000 })).toMatchObject({ code: 0 });
    const name = readdirSync(out).find((file) => file.endsWith('.deb')) ?? '';
    home.write(`/opt/${name}`, readFileSync(`${out}/${name}`));
    await home.must(['dpkg', '-i', `/opt/${name}`]);
    expect((await home.must(['axle', '--version'])).trim()).toBe('9.1.0');
    expect((await home.must(['readlink', '/opt/axle/current'])).trim()).toBe('releases/9.1.0');
    expect((await home.must(['sh', '-c', 'getent shadow axle | cut -d: -f2'])).trim()).toBe('*');
    home.write(
      '/etc/axle/hub.yaml',
      `site: ${HOME}\nuserdata: ${userdata(HOME)}\nspokes: [{ site: other, link: { type: pull } }]\n`,
    );
    const dropIn = `[Service]\nReadWritePaths=${userdata(HOME)}\nCapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER\nAmbientCapabilities=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER\nSystemCallFilter=@chown\n`;
    home.write('/etc/systemd/system/hub-distribute.service.d/site.conf', dropIn);
    await home.must(['chgrp', 'axle', '/etc/axle/hub.yaml']);
    await home.must(['systemctl', 'daemon-reload']);
    await home.must(['systemctl', 'enable', '--now', 'hub-distribute'], { timeoutMs: 30_000 });
    expect((await home.must(['systemctl', 'is-active', 'hub-distribute'])).trim()).toBe('active');
    await home.must(['dpkg', '--remove', 'axle'], { timeoutMs: 60_000 });
    expect((await home.run(['systemctl', 'is-active', 'hub-distribute'])).code).not.toBe(0);
    expect(existsSync(home.path('/usr/local/bin/axle'))).toBe(false);
    await home.must(['dpkg', '--purge', 'axle']);
    for (const gone of ['/opt/axle', '/etc/axle', '/var/lib/axle'])
      expect(existsSync(home.path(gone)), gone).toBe(false);
    expect(balance(home, 'balances/test-999')).toBe(5000);
  });
});
