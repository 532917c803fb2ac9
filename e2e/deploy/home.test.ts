/** Deployed sites of the other kinds: one whose daemon has no capability, and one at home, behind NAT, with miners. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Host } from '../lab/host.js';
import { REPO_ROOT } from '../lab/repo.js';
import { findProgram } from '../lab/requirements.js';
import { needsLab } from '../lab/skip.js';
import { waitFor } from '../lab/wait.js';
import { Servers } from './servers.js';

const HUB = 'directsponsor';
const ROFL = 'roflfaucet';
const HOME = 'homeserver';

const userdata = (site: string) => `/var/${site}-data/userdata`;
/** The agent is a part of this code. */
const hasAgent = existsSync(`${REPO_ROOT}/dist/miner/main.js`);
const ACL_TOOLS = ['setfacl', 'getfacl'].map(findProgram);
if (ACL_TOOLS.includes(undefined)) console.warn('skipped: setfacl is missing: apt-get install acl');
const isSkipped = needsLab('deploying to real hosts') || ACL_TOOLS.includes(undefined);

/** One story: each test goes on where the one before ended. */
describe.skipIf(isSkipped)('axle deploy, other sites', () => {
  let servers: Servers;
  let release: string;
  let inventory: string;
  let hub: Host;
  let rofl: Host;
  let home: Host;

  beforeAll(async () => {
    servers = await Servers.up([HUB, ROFL, HOME]);
    [hub, rofl, home] = servers.lab.hosts as [Host, Host, Host];
    inventory = write({});
    release = await servers.release('8.0.0');
  });

  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => {
      for (const host of servers.lab.hosts) console.error(await host.journal(undefined, 60));
    }, 30_000);
  });

  afterAll(async () => {
    await servers?.down();
  });

  const write = (more: object): string =>
    servers.inventory('sites', HUB, [ROFL, HOME], {
      [ROFL]: { keep_owner: false },
      [HOME]: { link: 'pull', sidecar: true, ...more },
    });
  const balance = (host: Host, document: string): number | undefined => {
    try {
      const text = readFileSync(host.path(`${userdata(host.name)}/${document}.txt`), 'utf8');
      return (JSON.parse(text) as { balance: number }).balance;
    } catch {
      return undefined;
    }
  };
  const everywhere = (document: string, wanted: number, timeoutMs = 30_000): Promise<unknown> =>
    waitFor(`${document} to be ${wanted}`, { timeoutMs }, () =>
      servers.lab.hosts.every((host) => balance(host, document) === wanted),
    ).catch((cause) => {
      const shown = servers.lab.hosts.map((host) => `${host.name}: ${balance(host, document)}`);
      throw new Error(shown.join('\n'), { cause });
    });
  const php = (host: Host, script: string, document: string): Promise<string> =>
    host.must(['runuser', '-u', 'www-data', '--', 'sh', '-c', script, 'sh', `${userdata(host.name)}/${document}.txt`]);
  const exposure = async (host: Host, unit: string): Promise<number> => {
    const { stdout } = await host.run(['systemd-analyze', 'security', '--no-pager', unit]);
    console.info(`${host.name}: ${stdout.trim().split('\n').at(-1)}`);
    return Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
  };

  it('says what a site without capabilities needs, before anything is done', async () => {
    const { code, stdout, stderr } = await servers.deploy(release, ['plan', inventory]);
    expect(`${code} ${stdout}${stderr}`).toContain(
      'setfacl: missing, which keep_owner: false needs. There, as root: apt-get install acl',
    );
    // As that would bring them.
    for (const tool of ACL_TOOLS) rofl.write(tool as string, readFileSync(tool as string), { mode: 0o755 });
  });

  it('deploys it beside the others, into folders that PHP has had for long', async () => {
    await rofl.must(['mkdir', '-p', `${userdata(ROFL)}/balances`]);
    await rofl.must(['chown', '-R', 'www-data:', `/var/${ROFL}-data`]);
    await php(rofl, `umask 022; printf '{"balance":70}' > "$1"`, 'balances/7-old');
    console.log(await servers.deployWell(release, ['apply', inventory, '--yes']));
    await everywhere('balances/7-old', 70);
    expect((await servers.deployWell(release, ['plan', inventory])).match(/nothing to do/g)).toHaveLength(3);
    expect(await exposure(rofl, 'sync-to-hub')).toBeLessThanOrEqual(1.5);
    expect(await exposure(home, 'sync-to-hub')).toBeLessThanOrEqual(2);
    expect(await exposure(hub, 'hub-distribute')).toBeLessThanOrEqual(2);
    const pid = (await rofl.must(['systemctl', 'show', '-P', 'MainPID', 'sync-to-hub'])).trim();
    expect(await rofl.must(['cat', `/proc/${pid}/status`])).toContain('CapBnd:\t0000000000000000\n');
  });

  it('there PHP and Axle write each other’s files, old and new', async () => {
    await php(hub, `printf '{"balance":75}' > "$1"`, 'balances/7-old');
    await everywhere('balances/7-old', 75);
    await php(rofl, `umask 022; printf '{"balance":80}' > "$1"`, 'balances/7-old');
    await everywhere('balances/7-old', 80);
    await php(hub, `printf '{"balance":1}' > "$1"`, 'balances/8-new');
    await everywhere('balances/8-new', 1);
    await php(rofl, `umask 077; printf '{"balance":2}' > "$1.new"; mv "$1.new" "$1"`, 'balances/8-new');
    await everywhere('balances/8-new', 2);
    await php(hub, `printf '{"balance":3}' > "$1"`, 'balances/8-new');
    await everywhere('balances/8-new', 3);
  });

  it('doctor finds nothing wrong with it, and names a folder that lost its ACL', async () => {
    const codes = async (): Promise<string[]> => {
      const { stdout } = await rofl.run(['axle', 'doctor', '--json', '--config', '/etc/axle/spoke.yaml'], {
        timeoutMs: 120_000,
      });
      const { findings } = JSON.parse(stdout) as { findings: { level: string; code: string; remedy?: string }[] };
      return findings.filter(({ level }) => level === 'fail').map(({ code, remedy }) => `${code} ${remedy}`);
    };
    expect(await codes()).toEqual([]);
    await rofl.must(['setfacl', '-b', `${userdata(ROFL)}/profiles`]);
    expect((await codes()).join('\n')).toMatch(/AXL-DAEMON-WRITE .*setfacl -R -P -m u:axle:rwX/);
    console.log(await servers.deployWell(release, ['apply', inventory, '--yes']));
    expect(await codes()).toEqual([]);
  });

  it('a site can change from one kind to the other and back', async () => {
    const keeps = servers.inventory('keeps', HUB, [ROFL, HOME], { [HOME]: { link: 'pull', sidecar: true } });
    await servers.deployWell(release, ['apply', keeps, '--yes']);
    await php(hub, `printf '{"balance":4}' > "$1"`, 'balances/8-new');
    await everywhere('balances/8-new', 4);
    await php(hub, `printf '{"balance":5}' > "$1"`, 'balances/9-made');
    await everywhere('balances/9-made', 5);
    const owner = await rofl.must(['stat', '-c', '%U', `${userdata(ROFL)}/balances/9-made.txt`]);
    expect(owner.trim()).toBe('www-data');
    await servers.deployWell(release, ['apply', inventory, '--yes']);
    for (const document of ['balances/8-new', 'balances/9-made']) {
      await php(hub, `printf '{"balance":6}' > "$1"`, document);
      await everywhere(document, 6);
      await php(rofl, `printf '{"balance":7}' > "$1"`, document);
      await everywhere(document, 7);
    }
    expect(existsSync(rofl.path(`${userdata(ROFL)}/.axle/locks`))).toBe(true);
  });

  /** What the simulated miners bring, to a user whom no site knows yet. */
  const ANDY = 'balances/1-andy';
  const miner = (more: object = {}): object => ({
    miner: {
      networks: ['127.20.0.0/28'],
      ports: { http: 8080 },
      poll_interval_s: 5,
      credit: {
        rate: { per_difficulty: '1' },
        period_s: 60,
        users: { rules: [{ worker: '*', user: '1-andy' }] },
      },
      ...more,
    },
  });
  const show = (unit: string, name: string): Promise<string> => home.must(['systemctl', 'show', '-P', name, unit]);

  it.skipIf(!hasAgent)('brings the miner agent to a host, with a token that nobody sees', async () => {
    await home.must([
      'systemd-run',
      '--unit=fleet',
      'axle',
      'miner',
      'simulate',
      '--count',
      '3',
      '--http-port',
      '8080',
    ]);
    inventory = write(miner());
    const said = await servers.deployWell(release, ['apply', inventory, '--yes']);
    console.log(said);
    expect(said).toMatch(/homeserver: the miner agent is ready after [\d.]+ s/);
    expect((await home.must(['stat', '-c', '%U:%a', '/var/lib/axle/miner/token'])).trim()).toBe('axle:600');
    const token = home.read('/var/lib/axle/miner/token').trim();
    expect(token).toMatch(/^axle_[\w-]{43}$/);
    expect(said).not.toContain(token);
    expect(await home.must(['axle', 'token', 'list', '--config', '/etc/axle/spoke.yaml'])).toMatch(
      /^miner-agent .* miner-credits\n$/,
    );
    expect(await exposure(home, 'axle-miner')).toBeLessThanOrEqual(1.3);
    expect(await servers.deployWell(release, ['apply', inventory, '--yes'])).toBe('nothing to do\n');
    expect(await servers.deployWell(release, ['status', inventory])).toMatch(/homeserver {2}miner agent {2}active/);
  });

  it.skipIf(!hasAgent)('what is earned there shows on every site, though nobody can reach the host', async () => {
    await home.must(['systemctl', 'stop', 'ssh']);
    const before = balance(hub, ANDY) ?? 0;
    await waitFor('a further credit to be on all sites', { timeoutMs: 240_000, everyMs: 500 }, () => {
      const [first = 0, ...others] = servers.lab.hosts.map((host) => balance(host, ANDY) ?? 0);
      return first > before && others.every((one) => one === first);
    });
    console.info(`earned: ${balance(hub, ANDY)}`);
    await home.must(['systemctl', 'start', 'ssh']);
  });

  it.skipIf(!hasAgent)('a token that was lost is made anew, for the agent alone, and credits go on', async () => {
    const before = await show('sync-to-hub', 'InvocationID');
    const lost = home.read('/var/lib/axle/miner/token');
    await home.must(['rm', '/var/lib/axle/miner/token']);
    console.log(await servers.deployWell(release, ['apply', inventory, '--yes']));
    expect(home.read('/var/lib/axle/miner/token')).not.toBe(lost);
    expect(await show('sync-to-hub', 'InvocationID')).toBe(before);
    const earned = balance(hub, ANDY) ?? 0;
    await waitFor('another credit', { timeoutMs: 240_000, everyMs: 500 }, () => (balance(hub, ANDY) ?? 0) > earned);
  });

  it.skipIf(!hasAgent)('a config with mistakes is refused, and the agent goes on with the one before', async () => {
    const wrong = write(miner({ poll_interval_s: 'often' }));
    const { code, stderr } = await servers.deploy(release, ['apply', wrong, '--yes']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('poll_interval_s: ')]);
    expect((await show('axle-miner', 'ActiveState')).trim()).toBe('active');
  });

  it.skipIf(!hasAgent)(
    'takes the agent away where the inventory has it no longer, and leaves what it knows',
    async () => {
      const without = write({});
      console.log(await servers.deployWell(release, ['apply', without, '--yes']));
      expect((await home.run(['systemctl', 'cat', 'axle-miner'])).code).not.toBe(0);
      expect(existsSync(home.path('/var/lib/axle/miner/fleet.db'))).toBe(true);
      expect(await home.must(['axle', 'token', 'list', '--config', '/etc/axle/spoke.yaml'])).toBe('');
      expect(await servers.deployWell(release, ['apply', without, '--yes'])).toBe('nothing to do\n');
      // And back, with everything that it knew.
      await servers.deployWell(release, ['apply', write(miner()), '--yes']);
      await servers.deployWell(release, ['uninstall', inventory, '--yes']);
      expect((await home.run(['systemctl', 'cat', 'axle-miner'])).code).not.toBe(0);
      expect(existsSync(home.path('/var/lib/axle/miner/fleet.db'))).toBe(true);
    },
  );
});
