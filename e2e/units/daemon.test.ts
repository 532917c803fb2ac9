/** The daemons under systemd on real hosts, with the project's own units and all of their hardening. */
import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sitePaths, WWW_DATA } from '../lab/axle.js';
import { needsLab } from '../lab/skip.js';
import { waitFor } from '../lab/wait.js';
import { balanceFile } from '../sites/shapes.js';
import { useSites } from '../sites/three-sites.js';
import { RECOVERY_MS, upkeep, WATCHDOG_S, withUnit } from '../steps/upkeep.js';

/** On RHEL and its kin, and on many older servers: the account of the web server. The hub's here. */
const APACHE = 'apache';
const APACHE_ID = 248;
/** The exposure of a unit with the drop-in of its site, in tenths: see systemd/README.md. */
const EXPOSURE_MAX = 20;
/** CAP_CHOWN (0), CAP_DAC_OVERRIDE (1), CAP_FOWNER (3). */
const CAPABILITIES = '000000000000000b';
const SUDO = '#!/bin/sh\nexec "$@"\n';

describe.skipIf(needsLab('daemons under systemd'))('under systemd', () => {
  const sites = useSites({
    more: () => ({ sidecar: {} }),
    before: async ({ hub, all }) => {
      await hub.host.must(['groupadd', '--gid', String(APACHE_ID), APACHE]);
      await hub.host.must(['useradd', '--system', '--uid', String(APACHE_ID), '--gid', APACHE, APACHE]);
      await hub.host.must(['chown', '-R', `${APACHE}:${APACHE}`, hub.userdata]);
      for (const { host } of all)
        if ((await host.run(['which', 'sudo'])).code !== 0) host.write('/usr/local/bin/sudo', SUDO, { mode: 0o755 });
    },
  });

  const asAccount = (account: string, argv: readonly string[]): string[] => [
    'setpriv',
    `--reuid=${account}`,
    `--regid=${account}`,
    '--clear-groups',
    '--',
    ...argv,
  ];

  it('a daemon has what its work needs and nothing more', async () => {
    for (const { host, unit, userdata } of sites().all) {
      const pid = (await host.must(['systemctl', 'show', '--value', '--property=MainPID', unit])).trim();
      const status = await host.must(['cat', `/proc/${pid}/status`]);
      for (const set of ['CapEff', 'CapBnd', 'CapAmb']) expect(status).toContain(`${set}:\t${CAPABILITIES}\n`);
      expect(status).toContain('NoNewPrivs:\t1\n');
      expect(status).toMatch(/Seccomp:\t2\n/);
      expect(status).toMatch(/Umask:\t0027\n/);
      // With root's rights, in the daemon's own view of the disk.
      const inside = (argv: string[]) => host.run(['nsenter', `--target=${pid}`, '--mount', '--', ...argv]);
      for (const file of ['/etc/axle/new', '/usr/new', `${sitePaths(host.name).data}/new`, '/opt/new'])
        expect((await inside(['touch', file])).stderr, file).toContain('Read-only file system');
      expect((await inside(['ls', '-A', '/root'])).stdout, 'no home is there').toBe('');
      expect((await inside(['sh', '-c', 'cat /etc/shadow /etc/ssh/*_key'])).stdout, 'no secret of the machine').toBe(
        '',
      );
      expect((await inside(['touch', `${userdata}/.axle/tmp/probe`])).code).toBe(0);
      const judged = await host.run(['systemd-analyze', 'security', `--threshold=${EXPOSURE_MAX}`, '--no-pager', unit]);
      console.info(judged.stdout.trim().split('\n').at(-1));
      expect(judged.code, judged.stdout).toBe(0);
    }
  });

  it("files belong to each site's own web server, www-data or apache, which goes on writing them", async () => {
    const { hub, rofl, click } = sites();
    rofl.write('balances/1-andy', balanceFile('1-andy', 100));
    await sites().balanceEverywhere('balances/1-andy', 100);
    expect(hub.ownerOf('balances/1-andy')).toMatchObject({ uid: APACHE_ID, gid: APACHE_ID });
    expect(click.ownerOf('balances/1-andy')).toMatchObject({ uid: WWW_DATA, gid: WWW_DATA });
    const text = balanceFile('1-andy', 130);
    const file = `${hub.userdata}/balances/1-andy.txt`;
    await hub.host.must(asAccount(APACHE, ['tee', file]), { input: text });
    await sites().balanceStays('balances/1-andy', 130);
    expect(rofl.ownerOf('balances/1-andy')).toMatchObject({ uid: WWW_DATA });
  });

  it("the sidecar's socket answers PHP's account, and the state behind it is closed to it", async () => {
    for (const [site, account] of [
      [sites().hub, APACHE],
      [sites().rofl, 'www-data'],
    ] as const) {
      const socket = `/run/axle/${site.name}/sidecar.sock`;
      const script = `require('http').get({ socketPath: '${socket}', path: '/readyz' }, (r) => console.log(r.resume().statusCode))`;
      // Node may lie in somebody's closed home folder.
      const reads = ['setpriv', `--reuid=${account}`, `--regid=${account}`, '--clear-groups'];
      const caps = ['--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search', '--'];
      expect((await site.host.must([...reads, ...caps, process.execPath, '-e', script])).trim()).toBe('200');
      expect((await site.host.run(asAccount(account, ['ls', site.state]))).stderr).toContain('Permission denied');
    }
  });

  it('a daemon whose loop turns while its work stands still is ended as well', async () => {
    const { rofl, hub } = sites();
    // Many files at once are made durable by the program `sync`: one that never ends holds up all work on files.
    const flag = '/var/lib/hang';
    rofl.host.write('/usr/local/lib/hang/sync', `#!/bin/sh\n[ -e ${flag} ] && exec sleep 600\nexec /bin/sync "$@"\n`, {
      mode: 0o755,
    });
    const path = 'Environment=PATH=/usr/local/lib/hang:/usr/local/bin:/usr/bin:/bin';
    await withUnit(rofl, [`WatchdogSec=${WATCHDOG_S}s`, path], async () => {
      const pid = await rofl.prop('MainPID');
      rofl.host.write(flag, '');
      for (let n = 0; n < 40; n += 1) hub.write(`balances/${100 + n}-many`, balanceFile(`${100 + n}-many`, n));
      await waitFor('the work to stand still', { timeoutMs: 10_000 }, async () => {
        return (await rofl.host.run(['pgrep', '-f', 'sleep 600'])).code === 0;
      });
      // It goes on answering: its loop turns.
      const status = await rofl.host.run([
        process.execPath,
        '-e',
        `require('http').get({ socketPath: '/run/axle/${rofl.name}/sidecar.sock', path: '/healthz' }, (r) => console.log(r.resume().statusCode))`,
      ]);
      expect(status.stdout.trim()).toBe('200');
      await rofl.ready(async () => {
        await waitFor('the watchdog', { timeoutMs: RECOVERY_MS }, async () => (await rofl.prop('MainPID')) !== pid);
        rmSync(rofl.host.path(flag));
      }, RECOVERY_MS);
      expect(await rofl.journal(80)).toContain('Watchdog timeout');
      for (const n of [0, 20, 39]) await sites().balanceEverywhere(`balances/${100 + n}-many`, n, RECOVERY_MS);
    });
  });

  upkeep(sites);

  it('the journal has each thing with its priority', async () => {
    const { rofl } = sites();
    const argv = ['journalctl', '--unit', rofl.unit, '--output=json', '--output-fields=PRIORITY,MESSAGE', '--no-pager'];
    const lines = (await rofl.host.must(argv))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const priorityOf = (text: string) => lines.find(({ MESSAGE }) => String(MESSAGE).startsWith(text))?.PRIORITY;
    expect(priorityOf('ready site=roflfaucet')).toBe('6');
    expect(priorityOf('config needs a restart')).toBe('4');
    expect(priorityOf('config refused')).toBe('3');
    expect(lines.some(({ MESSAGE }) => /^<\d>/.test(String(MESSAGE)))).toBe(false);
  });
});
