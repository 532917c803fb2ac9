/** From what kept the sites in step before, by the steps of docs/OPERATING.md, while people earn on the sites. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { needsLab } from '../lab/skip.js';
import { sleep, waitFor } from '../lab/wait.js';
import type { Site } from '../sites/site.js';
import { CLICK, HUB, ROFL, type ThreeSites } from '../sites/sites.js';
import { typed } from '../steps/operator.js';
import { installShellDaemons, startShellDaemons } from './before/shell-daemons.js';
import { SYNCTHING, startSyncthing } from './before/syncthing.js';
import type { Servers } from './servers.js';
import { bareServers, configOf, threeSites } from './story.js';
import { earning } from './writers.js';

const COMPARE =
  "rsync -rnci --include='*/' --include='*.txt' --exclude='*' SITE:/var/SITE-data/userdata/ /var/directsponsor-data/userdata/";

type Earning = Awaited<ReturnType<typeof earning>>;

/** One story: each test goes on where the one before ended. */
describe.skipIf(needsLab('migrating real hosts'))('from shell daemons', () => {
  const up = bareServers([HUB, ROFL, CLICK]);
  let servers: Servers;
  let sites: ThreeSites;
  let release: string;
  let earnings: Map<string, Earning>;
  const wanted = new Map<string, number>();

  beforeAll(async () => {
    servers = up();
    sites = await threeSites(servers);
    const { hub, rofl, click, all } = sites;
    for (const site of all) {
      const php = site === hub ? 'apache' : 'www-data';
      await site.host.must(['mkdir', '-p', `${site.userdata}/balances`, `${site.userdata}/profiles`]);
      await site.host.must(['chown', '-R', `${php}:${php}`, `/var/${site.name}-data`]);
    }
    await installShellDaemons(sites);
    await startShellDaemons(sites);
    for (const [site, document] of [
      [rofl, 'balances/1-andy'],
      [rofl, 'balances/2-rofl'],
      [click, 'balances/3-click'],
    ] as const) {
      site.write(document, '{"user_id": "x", "balance": 100}\n');
      await sites.balanceEverywhere(document, 100, 30_000);
    }
    release = await servers.release('8.0.0');
    for (const [document, base] of [
      ['balances/2-rofl', 100],
      ['balances/3-click', 100],
    ] as const)
      wanted.set(document, base);
    await earn();
  });

  const type = (site: Site, command: string) => typed(servers.operator, site, command);
  const inventory = (name: string, config?: object): string =>
    servers.inventory(name, HUB, [ROFL, CLICK], {
      [HUB]: { owner: 'apache:apache' },
      ...(config && { [ROFL]: { config }, [CLICK]: { config } }),
    });

  const earn = async (): Promise<void> => {
    earnings = new Map([
      ['balances/2-rofl', await earning(sites.rofl.host, 'balances/2-rofl')],
      ['balances/3-click', await earning(sites.click.host, 'balances/3-click')],
    ]);
  };

  /** All that was earned so far is everywhere, once; `check` at that moment; people go on earning. */
  const nothingIsLost = async (check?: () => Promise<void>): Promise<void> => {
    for (const [document, { stop }] of earnings) {
      const earned = await stop();
      expect(earned).toBeGreaterThan(0);
      console.log(`${document}: ${earned} earned meanwhile`);
      wanted.set(document, (wanted.get(document) ?? 0) + earned);
    }
    for (const [document, balance] of wanted) await sites.balanceStays(document, balance, 30_000);
    await check?.();
    await earn();
  };

  const areTheSame = async (): Promise<void> => {
    for (const site of sites.all)
      expect(await type(site, `sudo axle verify --config ${configOf(site)}`)).toContain(' 0 differences');
  };

  it('before: a backup, and copies that are equal', async () => {
    for (const site of sites.all)
      await type(
        site,
        `sudo mkdir -p /srv/backup && sudo tar -C /var/${site.name}-data -czf /srv/backup/userdata-before-axle.tar.gz userdata`,
      );
    for (const { name } of [sites.rofl, sites.click]) {
      // What is on its way is another file each time; what has lost its way would stay.
      const seen = [await type(sites.hub, COMPARE.replaceAll('SITE', name))];
      await sleep(3_000);
      seen.push(await type(sites.hub, COMPARE.replaceAll('SITE', name)));
      console.log(seen);
    }
  });

  it('a rehearsal on copies says what would differ, and touches no site', async () => {
    const dir = join(servers.folder, 'rehearsal');
    const ssh = join(servers.folder, 'ssh');
    const hosts = sites.all.map(
      ({ name, host }) =>
        `Host ${name}\n  HostName ${host.address}\n  User ${servers.operator.account(sites.all.find((one) => one.name === name) as Site).user}\n`,
    );
    writeFileSync(
      ssh,
      `${hosts.join('')}Host *\n  IdentityFile ${servers.key}\n  UserKnownHostsFile ${servers.knownHosts}\n`,
    );
    for (const { name } of sites.all) {
      mkdirSync(`${dir}/${name}-data`, { recursive: true });
      const argv = ['rsync', '-e', `ssh -F ${ssh}`, '-a', '--exclude=.axle', `${name}:/var/${name}-data/userdata`];
      expect(await servers.here([...argv, `${dir}/${name}-data/`])).toMatchObject({ code: 0 });
    }
    const axle = `${release}/bin/axle`;
    let ended: (() => void) | undefined;
    const demo = servers.here([axle, 'demo', '--dir', dir], {
      timeoutMs: 120_000,
      onOutput: (_soFar, act) => {
        ended = () => act.signal('SIGINT');
      },
    });
    const ask = (...args: string[]) => servers.here([axle, ...args]);
    try {
      await waitFor('the rehearsal to have started', { timeoutMs: 60_000, everyMs: 500 }, async () => {
        return (await ask('verify', '--config', `${dir}/${HUB}-data/axle.yaml`)).code === 0;
      });
      console.log(await ask('held', 'list', '--config', `${dir}/${ROFL}-data/axle.yaml`));
      expect((await ask('verify', '--config', `${dir}/${ROFL}-data/axle.yaml`)).code).toBe(0);
    } finally {
      ended?.();
      console.log((await demo).stdout);
    }
  });

  it('the inventory has no problem but that the old daemons run', async () => {
    const { stdout } = await servers.deploy(release, ['plan', inventory('switch', { join: 'genesis' })]);
    expect(stdout.match(/^ +! .*/gm)).toEqual(
      sites.all.map(({ unit }) => expect.stringContaining(`another ${unit} runs`)),
    );
  });

  it('the switch: the old daemons stop everywhere, the sites go on alone, and Axle takes over', async () => {
    const { hub, rofl, click } = sites;
    for (const site of [rofl, click, hub]) {
      if (site === hub) await sleep(10_000);
      await type(site, `sudo systemctl disable --now ${site.unit.replace('.service', '')}`);
      const left = await servers.operator.sh(site, "pgrep -af 'inotifywait|sync-to-hub.sh|hub-distribute.sh'");
      expect([left.code, left.stdout]).toEqual([1, '']);
    }
    // Somebody earns on both sites, and somebody new comes to both.
    rofl.write('balances/1-andy', '{"user_id": "1-andy", "balance": 103}\n');
    click.write('balances/1-andy', '{"user_id": "1-andy", "balance": 105}\n');
    rofl.write('balances/9-new', '{"user_id": "9-new", "balance": 7}\n');
    click.write('balances/9-new', '{"user_id": "9-new", "balance": 9}\n');
    wanted.set('balances/1-andy', 108);
    wanted.set('balances/9-new', 9);
    console.log(await servers.deployWell(release, ['apply', inventory('switch', { join: 'genesis' }), '--yes']));
    await nothingIsLost(areTheSame);
    for (const site of sites.all)
      expect(await type(site, `sudo axle held list --config ${configOf(site)}`)).toBe('Nothing is held.\n');
  });

  it('afterwards join: genesis goes out of the inventory again', async () => {
    await servers.deployWell(release, ['apply', inventory('three'), '--yes']);
    expect(sites.rofl.host.read(configOf(sites.rofl))).not.toContain('join:');
    await nothingIsLost();
  });

  it('back again: the old daemons find equal files, and go on from there', async () => {
    await servers.deployWell(release, ['uninstall', inventory('three'), '--yes', '--purge-state']);
    await startShellDaemons(sites);
    // What was written after Axle had gone travels with the next write.
    await sleep(5_000);
    await nothingIsLost();
  });

  it('and once more, with join: hold: what was earned meanwhile counts when it is approved', async () => {
    const { hub, rofl, click } = sites;
    for (const site of [rofl, click, hub]) await type(site, `sudo systemctl disable --now ${site.unit}`);
    rofl.write('balances/1-andy', '{"user_id": "1-andy", "balance": 110}\n');
    wanted.set('balances/1-andy', 110);
    await sleep(3_000);
    await servers.deployWell(release, ['apply', inventory('three'), '--yes']);
    // What was earned there is approved; an old copy of what was earned elsewhere is rejected.
    for (const [site, own] of [
      [rofl, ['balances/1-andy', 'balances/2-rofl']],
      [click, ['balances/3-click']],
    ] as const) {
      const config = configOf(site);
      const held = (await type(site, `sudo axle held list --config ${config}`)).trim().split('\n');
      const ids = own.map((document) => held.find((line) => line.includes(document))?.split(' ')[0]);
      await type(site, `sudo axle held approve ${ids.join(' ')} --config ${config}`);
      await type(site, `sudo axle held reject --all --config ${config}`);
    }
    await nothingIsLost();
  });

  it.skipIf(SYNCTHING === undefined)('from Syncthing, by the same steps', async () => {
    await servers.deployWell(release, ['uninstall', inventory('three'), '--yes', '--purge-state']);
    await startSyncthing(sites);
    // Each device has its own moment of stopping: what is written in between would be on some of them alone.
    await nothingIsLost(async () => {
      for (const site of sites.all) {
        expect(await type(site, `sudo find /var/${site.name}-data/userdata -name '*sync-conflict*'`)).toBe('');
        await type(site, 'sudo systemctl disable --now syncthing@root');
      }
    });
    const andy = (balance: number) => `{"user_id": "1-andy", "balance": ${balance}}\n`;
    const before = sites.hub.balance('balances/1-andy') ?? 0;
    sites.rofl.write('balances/1-andy', andy(before + 1));
    sites.click.write('balances/1-andy', andy(before + 2));
    wanted.set('balances/1-andy', before + 3);
    await servers.deployWell(release, ['apply', inventory('switch', { join: 'genesis' }), '--yes']);
    await nothingIsLost(areTheSame);
  });
});
