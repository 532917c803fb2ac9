/** What an operator does with servers that `axle deploy` installed, day by day, and what befalls them. */
import { existsSync, readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { needsLab } from '../lab/skip.js';
import { sleep, waitFor } from '../lab/wait.js';
import { balanceFile } from '../sites/shapes.js';
import type { Site } from '../sites/site.js';
import { CLICK, HUB, ROFL, type ThreeSites } from '../sites/sites.js';
import { boots, bootsAsInstalled } from '../steps/boots.js';
import { investigation } from '../steps/investigation.js';
import { shows, typed } from '../steps/operator.js';
import { upkeep } from '../steps/upkeep.js';
import type { Servers } from './servers.js';
import { bareServers, configOf, threeSites } from './story.js';
import { load, makeWriters } from './writers.js';

/** One story: each test goes on where the one before ended. */
describe.skipIf(needsLab('looking after real hosts'))('servers that were deployed to', () => {
  const up = bareServers([HUB, ROFL, CLICK]);
  let servers: Servers;
  let three: string;
  let release: string;
  let sites: ThreeSites;

  beforeAll(async () => {
    servers = up();
    sites = await threeSites(servers);
    for (const { host } of sites.all) await bootsAsInstalled(host);
    three = servers.inventory('three', HUB, [ROFL, CLICK], { [HUB]: { owner: 'apache:apache' } });
    release = await servers.release('8.0.0');
  });

  const type = (site: Site, command: string) => typed(servers.operator, site, command);
  const LOCK = '/opt/axle/deploy.lock';

  it('Ctrl-C in the middle of a host ends a deploy after the step in hand, and gives the lock back', async () => {
    const { hub, rofl, click } = sites;
    const args = ['apply', three, '--yes'];
    const { code, stdout, stderr } = await servers.deployUntil(
      release,
      args,
      /^roflfaucet: \/opt\/axle\/releases/m,
      (act) => act.signal('SIGINT'),
    );
    expect(code).toBe(1);
    expect(stdout).toContain('stopping after this step');
    expect(stderr).toMatch(/^Interrupted before: roflfaucet: .*\nThe same command goes on/m);
    expect(existsSync(hub.host.path(LOCK))).toBe(false);
    expect(readdirSync(rofl.host.path('/opt/axle/releases'))).toEqual(['8.0.0']);
    expect(existsSync(click.host.path('/opt/axle'))).toBe(false);
  });

  it('a deploy that is killed leaves its lock, which says how to go on', async () => {
    const { hub, click } = sites;
    const args = ['apply', three, '--yes'];
    await servers.deployUntil(release, args, /^clickforcharity: \/opt\/axle\/releases/m, (act) =>
      act.signal('SIGKILL'),
    );
    expect(existsSync(hub.host.path(LOCK))).toBe(true);
    const { code, stderr } = await servers.deploy(release, args);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/has been at it .*\n.*--break-lock/)]);
    const said = await servers.deployWell(release, [...args, '--break-lock']);
    expect(said).not.toContain('directsponsor: /opt/axle/releases');
    expect(existsSync(hub.host.path(LOCK))).toBe(false);
    expect(readdirSync(click.host.path('/opt/axle/releases'))).toEqual(['8.0.0']);
    expect((await servers.deployWell(release, ['plan', three])).match(/nothing to do/g)).toHaveLength(3);
  });

  it('Ctrl-C at the question is a no', async () => {
    const args = ['uninstall', three];
    const { code, stdout } = await servers.deployAtTerminal(release, args, /Do this\?/, (act) => act.type('\u0003'));
    expect([code, stdout]).toEqual([1, expect.stringContaining('declined')]);
    expect(existsSync(sites.hub.host.path(LOCK))).toBe(false);
    expect((await servers.deployWell(release, ['plan', three])).match(/nothing to do/g)).toHaveLength(3);
  });

  describe('investigated', () => {
    investigation(
      () => sites,
      () => servers.operator,
    );
  });

  describe('the debugging checklist', () => {
    it('1. verify sync daemons are running', async () => {
      for (const site of sites.all)
        expect(await type(site, `sudo systemctl status ${site.unit.replace('.service', '')}`)).toContain(
          'active (running)',
        );
    });

    it('2. check recent sync logs', async () => {
      for (const site of sites.all) expect(await type(site, `sudo journalctl -u ${site.unit} -p err -q`)).toBe('');
    });

    it('3. test file write from console', async () => {
      const { rofl } = sites;
      await type(
        rofl,
        `echo '{"user_id": "998-test", "balance": 70}' | sudo -u www-data tee /var/roflfaucet-data/userdata/balances/998-test.txt`,
      );
      await sites.balanceEverywhere('balances/998-test', 70);
    });

    it('4. verify rsync connectivity', async () => {
      const { rofl, hub } = sites;
      const ssh = `ssh -i ${rofl.state}/ssh/id_ed25519 -o UserKnownHostsFile=${rofl.state}/ssh/known_hosts`;
      // It lists nothing, and says so by its exit code alone.
      expect(await type(rofl, `cd / && sudo -u axle rsync -e '${ssh}' axle@${hub.host.address}::`)).toMatch(/^\s*$/);
    });

    it('5. check file permissions', async () => {
      for (const site of sites.all) {
        const php = site === sites.hub ? 'apache' : 'www-data';
        const file = `${site.userdata}/balances/.writable`;
        await type(site, `sudo -u ${php} touch ${file} && sudo -u ${php} rm ${file}`);
      }
    });

    it('6. monitor bandwidth and performance impact', async () => {
      for (const site of sites.all) {
        const [cpu, rss] = (await type(site, `ps -o %cpu=,rss= -p $(systemctl show -P MainPID ${site.unit})`))
          .trim()
          .split(/ +/);
        console.log(`${site.name}: ${cpu} % of a core, ${rss} KB`);
        expect(Number(rss)).toBeLessThan(250_000);
      }
    });

    it('7. test cross-site sync', async () => {
      const { click, rofl } = sites;
      await type(
        rofl,
        `echo '{"user_id": "998-test", "balance": 90}' | sudo -u www-data tee /var/roflfaucet-data/userdata/balances/998-test.txt`,
      );
      await shows(servers.operator, click, 'cat /var/clickforcharity-data/userdata/balances/998-test.txt', '90');
    });

    it('8. verify inotify is watching correct directories', async () => {
      for (const site of sites.all) {
        const watched = await type(
          site,
          `sudo sh -c 'grep -h ^inotify /proc/$(systemctl show -P MainPID ${site.unit})/fdinfo/*'`,
        );
        const ino = Number(await type(site, `stat -c %i ${site.userdata}/balances`)).toString(16);
        expect(watched).toContain(` ino:${ino} `);
      }
    });

    it('9. check for any error logs or failed operations', async () => {
      for (const site of sites.all) {
        const { stdout } = await servers.operator.sh(site, `sudo axle doctor --config ${configOf(site)}`);
        // No clock is kept here: these hosts have no way out.
        expect(stdout.match(/^(?!ok|warn +AXL-CLOCK this| |$|Something is to be).+/gm)).toBeNull();
      }
    });
  });

  describe("the command's own view", () => {
    it('status --watch shows a site again and again', async () => {
      const shown = await servers.operator.follow(
        sites.hub,
        `sudo axle status --watch --config ${configOf(sites.hub)}`,
        12,
      );
      expect(shown.match(/clickforcharity +\S*up/g)?.length).toBeGreaterThan(1);
    });

    it('tail shows a change as it travels', async () => {
      const { rofl, hub } = sites;
      const tails = [rofl, hub].map((site) =>
        servers.operator.follow(site, `sudo axle tail --config ${configOf(site)}`, 6),
      );
      await sleep(2_000);
      rofl.write('balances/11-tail', balanceFile('11-tail', 11));
      const [atRofl, atHub] = await Promise.all(tails);
      expect(atRofl).toMatch(/balances\/11-tail.* absorbed/);
      expect(atHub).toMatch(/balances\/11-tail.* materialised/);
    });

    it('show says who added what', async () => {
      const shown = await type(sites.click, `sudo axle show balances/11-tail --config ${configOf(sites.click)}`);
      expect(shown).toMatch(/roflfaucet.* 11/);
    });

    it('held list names what waits, and approve counts it', async () => {
      const { rofl, hub } = sites;
      rofl.write('balances/11-tail', balanceFile('11-tail', 0));
      const list = `sudo axle held list --config ${configOf(rofl)}`;
      await shows(servers.operator, rofl, list, 'balances/11-tail');
      expect(hub.balance('balances/11-tail')).toBe(11);
      const [id] = (await type(rofl, list)).split(' ');
      await type(rofl, `sudo axle held approve ${id} --config ${configOf(rofl)}`);
      await sites.balanceEverywhere('balances/11-tail', 0);
      expect(await type(rofl, list)).toBe('Nothing is held.\n');
    });

    it('verify says that all sites hold the same', async () => {
      for (const site of sites.all)
        expect(await type(site, `sudo axle verify --config ${configOf(site)}`)).toContain(' 0 differences');
    });

    it('without sudo, it says whom the daemon answers', async () => {
      const { code, stderr } = await servers.operator.sh(sites.rofl, `axle status --config ${configOf(sites.rofl)}`);
      expect([code, stderr]).toEqual([2, expect.stringMatching(/sudo|root/)]);
    });
  });

  describe('a spoke whose daemon is stopped while its sshd takes batches', () => {
    it('is told of at the hub within a minute', async () => {
      const { hub, click } = sites;
      await type(click, 'sudo systemctl stop sync-to-hub');
      hub.write('balances/12-stopped', balanceFile('12-stopped', 12));
      const began = performance.now();
      try {
        const shown = await waitFor('status to tell', { timeoutMs: 60_000, everyMs: 2_000 }, async () => {
          const { stdout } = await servers.operator.sh(hub, `sudo axle status --config ${configOf(hub)}`);
          return /does not answer/.test(stdout) ? stdout : undefined;
        });
        console.log(`${shown}told after ${((performance.now() - began) / 1000).toFixed(0)} s`);
        await shows(
          servers.operator,
          hub,
          'sudo systemctl status hub-distribute',
          'Status: "clickforcharity does not answer, ',
        );
      } finally {
        await type(click, 'sudo systemctl start sync-to-hub');
      }
      await sites.balanceEverywhere('balances/12-stopped', 12);
      await shows(servers.operator, hub, 'sudo systemctl status hub-distribute', 'Status: "2 peers, 0 behind');
    });
  });

  describe('backed up and restored', () => {
    it.each([
      ['a spoke', 'rofl', '1-spoke', ''],
      ['the hub', 'hub', '2-hub', '--with-keys '],
    ] as const)(
      '%s whose state is gone gets it back while others write; nothing is lost or counted twice',
      async (_what, which, user, keys) => {
        const { rofl, click } = sites;
        const site = sites[which];
        const document = `balances/${user}`;
        const [config, backup] = [configOf(site), `${keys}/var/backups/axle-$(date +%F).tar.gz`];
        for (const { host } of [rofl, click]) await makeWriters(host);
        rofl.write(document, balanceFile(user, 100));
        await sites.balanceEverywhere(document, 100);
        const own = load([[rofl.host, document]]);
        const others = load([[click.host, document]]);
        try {
          await sleep(1_000);
          await type(site, `sudo mkdir -p /var/backups && sudo axle backup ${backup} --config ${config}`);
          await sleep(1_000);
          await own.stop();
          await shows(servers.operator, rofl, `sudo axle status --config ${configOf(rofl)}`, /up +0 /, 30_000);
          await type(site, `sudo systemctl stop ${site.unit}`);
          await type(site, `sudo rm -rf ${site.state}`);
          await type(site, `sudo axle restore ${backup.replace(keys, '')} --config ${config}`);
          await site.ready(() => type(site, `sudo systemctl start ${site.unit}`));
          // The key went with the state, and is not in every backup.
          if (keys === '') await servers.deployWell(release, ['apply', three, '--yes']);
          await sleep(1_000);
        } finally {
          await Promise.all([own.stop(), others.stop()]);
        }
        const sum = (own.credited.get(document) ?? 0) + (others.credited.get(document) ?? 0);
        console.log(`${sum} credits`);
        await sites.balanceStays(document, 100 + sum, 60_000);
        await type(site, `sudo axle verify --config ${config}`);
        await type(site, `sudo rm ${backup.replace(keys, '')}`);
        const plan = await servers.deployWell(release, ['plan', three]);
        expect(plan.match(/nothing to do/g), plan).toHaveLength(3);
      },
    );
  });

  describe('kept up by systemd', () => {
    upkeep(() => sites);
  });

  describe('when hosts go down', () => {
    boots(() => sites);
  });
});
