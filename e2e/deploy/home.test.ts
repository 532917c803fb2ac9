/** Deployed sites of the other kinds: one whose daemon has no capability, and one at home, behind NAT, with miners. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Host } from '../lab/host.js';
import { findProgram } from '../lab/requirements.js';
import { needsLab } from '../lab/skip.js';
import { waitFor } from '../lab/wait.js';
import { Servers } from './servers.js';

const HUB = 'directsponsor';
const ROFL = 'roflfaucet';
const HOME = 'homeserver';

const userdata = (site: string) => `/var/${site}-data/userdata`;
const ACL_TOOLS = ['setfacl', 'getfacl'].map(findProgram);
if (ACL_TOOLS.includes(undefined)) console.warn('skipped: setfacl is missing: apt-get install acl');

/** One story: each test goes on where the one before ended. */
describe.skipIf(needsLab('deploying to real hosts') || ACL_TOOLS.includes(undefined))(
  'axle deploy, other sites',
  () => {
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
      host.must([
        'runuser',
        '-u',
        'www-data',
        '--',
        'sh',
        '-c',
        script,
        'sh',
        `${userdata(host.name)}/${document}.txt`,
      ]);
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
  },
);
