/** Deployed sites of the other kinds: one whose daemon has no capability, and one at home, behind NAT, with miners. */
import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CloudFleet } from '../../miner/cloud/mirror.js';
import type { Host } from '../lab/host.js';
import { findProgram } from '../lab/requirements.js';
import { needsLab } from '../lab/skip.js';
import { waitFor } from '../lab/wait.js';
import type { Servers } from './servers.js';
import { balance, bareServers, doctor, everywhere, asPhp as php, read, userdata } from './story.js';

const HUB = 'directsponsor';
const ROFL = 'roflfaucet';
const HOME = 'homeserver';

const ACL_TOOLS = ['setfacl', 'getfacl'].map(findProgram);
if (ACL_TOOLS.includes(undefined)) console.warn('skipped: setfacl is missing: apt-get install acl');
const isSkipped = needsLab('deploying to real hosts') || ACL_TOOLS.includes(undefined);

/** One story: each test goes on where the one before ended. */
describe.skipIf(isSkipped)('axle deploy, other sites', () => {
  const up = bareServers([HUB, ROFL, HOME]);
  let servers: Servers;
  let release: string;
  let newer: string;
  let inventory: string;
  let hub: Host;
  let rofl: Host;
  let home: Host;

  beforeAll(async () => {
    servers = up();
    [hub, rofl, home] = servers.lab.hosts as [Host, Host, Host];
    inventory = write({});
    release = await servers.release('8.0.0');
    newer = await servers.release('9.0.0');
  });

  const write = (more: object): string =>
    servers.inventory('sites', HUB, [ROFL, HOME], {
      [ROFL]: { keep_owner: false },
      [HOME]: { link: 'pull', sidecar: true, ...more },
    });
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
    await everywhere(servers.lab.hosts, 'balances/7-old', 70);
    expect((await servers.deployWell(release, ['plan', inventory])).match(/nothing to do/g)).toHaveLength(3);
    expect(await exposure(rofl, 'sync-to-hub')).toBeLessThanOrEqual(1.5);
    expect(await exposure(home, 'sync-to-hub')).toBeLessThanOrEqual(2);
    expect(await exposure(hub, 'hub-distribute')).toBeLessThanOrEqual(2);
    const pid = (await rofl.must(['systemctl', 'show', '-P', 'MainPID', 'sync-to-hub'])).trim();
    expect(await rofl.must(['cat', `/proc/${pid}/status`])).toContain('CapBnd:\t0000000000000000\n');
  });

  it('there PHP and Axle write each other’s files, old and new', async () => {
    await php(hub, `printf '{"balance":75}' > "$1"`, 'balances/7-old');
    await everywhere(servers.lab.hosts, 'balances/7-old', 75);
    await php(rofl, `umask 022; printf '{"balance":80}' > "$1"`, 'balances/7-old');
    await everywhere(servers.lab.hosts, 'balances/7-old', 80);
    await php(hub, `printf '{"balance":1}' > "$1"`, 'balances/8-new');
    await everywhere(servers.lab.hosts, 'balances/8-new', 1);
    await php(rofl, `umask 077; printf '{"balance":2}' > "$1.new"; mv "$1.new" "$1"`, 'balances/8-new');
    await everywhere(servers.lab.hosts, 'balances/8-new', 2);
    await php(hub, `printf '{"balance":3}' > "$1"`, 'balances/8-new');
    await everywhere(servers.lab.hosts, 'balances/8-new', 3);
  });

  it('doctor finds nothing wrong with it, and names a folder that lost its ACL', async () => {
    const codes = async (): Promise<string[]> =>
      (await doctor(rofl)).filter(({ level }) => level === 'fail').map(({ code, remedy }) => `${code} ${remedy}`);
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
    await everywhere(servers.lab.hosts, 'balances/8-new', 4);
    await php(hub, `printf '{"balance":5}' > "$1"`, 'balances/9-made');
    await everywhere(servers.lab.hosts, 'balances/9-made', 5);
    const owner = await rofl.must(['stat', '-c', '%U', `${userdata(ROFL)}/balances/9-made.txt`]);
    expect(owner.trim()).toBe('www-data');
    await servers.deployWell(release, ['apply', inventory, '--yes']);
    for (const document of ['balances/8-new', 'balances/9-made']) {
      await php(hub, `printf '{"balance":6}' > "$1"`, document);
      await everywhere(servers.lab.hosts, document, 6);
      await php(rofl, `printf '{"balance":7}' > "$1"`, document);
      await everywhere(servers.lab.hosts, document, 7);
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
      relay: { hub: { interval_s: 10 } },
      ...more,
    },
  });
  /** A command with what the agent's unit lets it do. */
  const inAgent = async (command: string) => {
    const pid = (await show('axle-miner', 'MainPID')).trim();
    return home.run([
      'nsenter',
      '-t',
      pid,
      '-m',
      'setpriv',
      '--reuid=axle',
      '--regid=axle',
      '--init-groups',
      'sh',
      '-c',
      command,
    ]);
  };
  const show = (unit: string, name: string): Promise<string> => home.must(['systemctl', 'show', '-P', name, unit]);

  it('brings the miner agent to a host, with a token that nobody sees', async () => {
    const simulate = ['axle', 'miner', 'simulate', '--count', '3', '--http-port', '8080'];
    // It returns when all of them listen.
    await home.must(['systemd-run', '--unit=fleet', '-p', 'Type=notify', '-p', 'NotifyAccess=all', ...simulate]);
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
    // That of the site's folders in which it publishes, and no other.
    for (const folder of ['balances', '.axle/locks'])
      expect((await inAgent(`touch ${userdata(HOME)}/${folder}/x`)).code).not.toBe(0);
    expect(await inAgent(`touch ${userdata(HOME)}/fleet/.x && rm ${userdata(HOME)}/fleet/.x`)).toMatchObject({
      code: 0,
    });
    for (const host of [hub, home]) expect((await doctor(host)).filter(({ level }) => level === 'fail')).toEqual([]);
    expect(await servers.deployWell(release, ['apply', inventory, '--yes'])).toBe('nothing to do\n');
    expect(await servers.deployWell(release, ['status', inventory])).toMatch(/homeserver {2}miner agent {2}active/);
  });

  it('what is earned there shows on every site, though nobody can reach the host', async () => {
    await home.must(['systemctl', 'stop', 'ssh']);
    const before = balance(hub, ANDY) ?? 0;
    await waitFor('a further credit to be on all sites', { timeoutMs: 240_000, everyMs: 500 }, () => {
      const [first = 0, ...others] = servers.lab.hosts.map((host) => balance(host, ANDY) ?? 0);
      return first > before && others.every((one) => one === first);
    });
    console.info(`earned: ${balance(hub, ANDY)}`);
    await home.must(['systemctl', 'start', 'ssh']);
  });

  /** As a browser on the hub gets it. */
  const dashboard = (path: string): Promise<string> => {
    const script = `fetch('http://127.0.0.1:8000${path}').then(async (answer) => console.log(await answer.text()))`;
    return hub.must(['/opt/axle/current/node/bin/node', '-e', script]);
  };
  const fleet = async (): Promise<CloudFleet> => JSON.parse(await dashboard('/api/fleet')) as CloudFleet;

  it('its fleet is shown at the hub, and as old as it is when the agent has stopped', async () => {
    await home.must(['systemctl', 'stop', 'ssh']);
    const argv = ['axle', 'dashboard', '--hub-data', userdata(HUB)];
    await hub.must(['systemd-run', '--unit=dashboard', '--uid=axle', '-p', 'UMask=0027', ...argv]);
    const shown = await waitFor('the fleet at the hub', { timeoutMs: 90_000, everyMs: 500 }, async () => {
      const seen = await fleet().catch(() => undefined);
      return seen?.miners.every(({ state }) => state === 'online') && seen.miners.length === 3 ? seen : undefined;
    });
    expect(shown).toMatchObject({ source: 'hub', stale: false, agents: [{ name: HOME, miners: 3, stale: false }] });
    for (const one of shown.miners) expect(one.reading?.hashrate_hps, one.name).toBeGreaterThan(0);
    expect(JSON.stringify(shown)).not.toContain('127.20.0.');
    expect(await dashboard('/')).toMatch(/<!doctype html>/i);
    // A site that was not asked to keep fleets has none.
    expect(existsSync(rofl.path(`${userdata(ROFL)}/fleet`))).toBe(false);

    await home.must(['systemctl', 'stop', 'axle-miner']);
    const old = await waitFor('it to be shown as old', { timeoutMs: 120_000, everyMs: 1_000 }, async () => {
      const seen = await fleet();
      return seen.stale ? seen : undefined;
    });
    expect(old.age_s).toBeGreaterThan(25);
    expect(old.message).toMatch(/What the agent wrote is \d+ \w+ old/);
    expect(old.miners.map(({ state }) => state)).toEqual(['stale', 'stale', 'stale']);
    await home.must(['systemctl', 'start', 'axle-miner']);
    await waitFor(
      'it to be shown as live again',
      { timeoutMs: 90_000, everyMs: 500 },
      async () => !(await fleet()).stale,
    );
    await home.must(['systemctl', 'start', 'ssh']);
  });

  it('a token that was lost is made anew, for the agent alone, and credits go on', async () => {
    const before = await show('sync-to-hub', 'InvocationID');
    const lost = home.read('/var/lib/axle/miner/token');
    await home.must(['rm', '/var/lib/axle/miner/token']);
    console.log(await servers.deployWell(release, ['apply', inventory, '--yes']));
    expect(home.read('/var/lib/axle/miner/token')).not.toBe(lost);
    expect(await show('sync-to-hub', 'InvocationID')).toBe(before);
    const earned = balance(hub, ANDY) ?? 0;
    await waitFor('another credit', { timeoutMs: 240_000, everyMs: 500 }, () => (balance(hub, ANDY) ?? 0) > earned);
  });

  /** What the agent's books say, all at one moment. */
  const books = async (): Promise<Record<'uncounted' | 'credits' | 'paid' | 'owed' | 'unpaid', number>> => {
    const script = `
      const db = new (require('better-sqlite3'))('/var/lib/axle/miner/fleet.db', { readonly: true });
      const sum = (what, from) => \`(SELECT coalesce(sum(CAST(\${what} AS REAL)), 0) FROM \${from})\`;
      console.log(JSON.stringify(db.prepare(\`SELECT
        \${sum('difficulty_accepted', 'counters')} - \${sum('difficulty', 'works WHERE is_estimate = 0')} uncounted,
        (SELECT count(*) FROM credits WHERE state = 'paid') credits,
        \${sum('amount', "credits WHERE state = 'paid'")} paid,
        \${sum('amount', "credits WHERE state = 'owed'")} owed,
        \${sum('difficulty', "works WHERE state = 'credited'")} - \${sum('difficulty', 'credits')}
          - \${sum('difficulty', 'carries')} unpaid\`).get()))`;
    const argv = ['sh', '-c', 'cd /opt/axle/current && exec node/bin/node -e "$1"', 'sh', script];
    return JSON.parse(await home.must(['runuser', '-u', 'axle', '--', ...argv]));
  };

  it('goes back to the version before, and what is mined is credited once', async () => {
    const version = async (): Promise<string> =>
      home.must(['readlink', '-f', `/proc/${(await show('axle-miner', 'MainPID')).trim()}/exe`]);
    // Of each miner one, by the version that runs now.
    const moreCredits = async (): Promise<void> => {
      const { credits } = await books();
      await waitFor('more credits', { timeoutMs: 240_000, everyMs: 500 }, async () => {
        const now = await books();
        return now.owed === 0 && now.credits >= credits + 3;
      });
    };
    const before = await books();
    await servers.deployWell(newer, ['apply', inventory, '--yes']);
    expect(await version()).toContain('/9.0.0/');
    await moreCredits();
    console.log(await servers.deployWell(newer, ['rollback', inventory, '--yes']));
    expect(await version()).toContain('/8.0.0/');
    await moreCredits();
    await waitFor('all that was paid to be on all sites', { timeoutMs: 60_000, everyMs: 200 }, async () => {
      const { paid, owed } = await books();
      return owed === 0 && servers.lab.hosts.every((host) => Math.abs((balance(host, ANDY) ?? 0) - paid) < 0.01);
    });
    const { uncounted, unpaid } = await books();
    console.info({ before, after: await books() });
    // What the miners' counters show and the books do not is as much as it was: nothing lost, nothing twice.
    expect(uncounted).toBeCloseTo(before.uncounted, 2);
    expect(unpaid).toBeCloseTo(0, 2);
  });

  it('a config with mistakes is refused, and the agent goes on with the one before', async () => {
    const wrong = write(miner({ poll_interval_s: 'often' }));
    const { code, stderr } = await servers.deploy(release, ['apply', wrong, '--yes']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('poll_interval_s: ')]);
    expect((await show('axle-miner', 'ActiveState')).trim()).toBe('active');
  });

  it('publishes as well where its site has no capability', async () => {
    for (const tool of ACL_TOOLS) home.write(tool as string, readFileSync(tool as string), { mode: 0o755 });
    const published = read(hub, `fleet/${HOME}`);
    const without = write({ ...miner(), keep_owner: false });
    console.log(await servers.deployWell(release, ['apply', without, '--yes']));
    await waitFor('the next of its fleets at the hub', { timeoutMs: 60_000, everyMs: 500 }, () => {
      const next = read(hub, `fleet/${HOME}`);
      return next !== undefined && next !== published;
    });
    expect((await doctor(home)).filter(({ level }) => level === 'fail')).toEqual([]);
    expect(await servers.deployWell(release, ['apply', without, '--yes'])).toBe('nothing to do\n');
  });

  it('takes the agent away where the inventory has it no longer, and leaves what it knows', async () => {
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
  });
});
