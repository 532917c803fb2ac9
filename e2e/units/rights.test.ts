/** A site whose daemon has no capability at all (files.keep_owner: false), beside one that keeps the owner of PHP's files. */
import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sharedAcl } from '../../common/runtime/units.js';
import { MAIN, WWW_DATA } from '../lab/axle.js';
import { REPO_ROOT } from '../lab/repo.js';
import { findProgram } from '../lab/requirements.js';
import { needsLab } from '../lab/skip.js';
import { waitFor } from '../lab/wait.js';
import { balanceFile } from '../sites/shapes.js';
import type { Site } from '../sites/site.js';
import { CLICK, useSites } from '../sites/three-sites.js';

/** The exposure of an installed site, of 10, in tenths. */
const SHARED_MAX = 15;
const KEEPS_OWNER_MAX = 20;
const hasAcl = findProgram('setfacl') !== undefined;
if (!hasAcl) console.warn('skipped: setfacl is missing: apt-get install acl');

describe.skipIf(needsLab('daemons without capabilities') || !hasAcl)('without capabilities', () => {
  const sites = useSites({
    more: ({ name }) => (name === CLICK ? {} : { files: { owner: 'www-data', group: 'www-data', keep_owner: false } }),
    before: async ({ hub, rofl }) => {
      for (const { host, userdata } of [hub, rofl])
        await host.must([
          'runuser',
          '-u',
          'www-data',
          '--',
          'setfacl',
          '-R',
          '-P',
          '-m',
          sharedAcl('www-data'),
          userdata,
        ]);
    },
  });
  const exposure = async ({ host, unit }: Site): Promise<number> => {
    const { stdout } = await host.run(['systemd-analyze', 'security', '--no-pager', unit]);
    console.info(stdout.trim().split('\n').at(-1));
    return Math.round(Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]) * 10);
  };
  /** A line of shell as the site's PHP; "$1" is the file of the document. */
  const php = (site: Site, script: string, document: string): Promise<string> =>
    site.asPhp(['sh', '-c', script, 'sh', `${site.userdata}/${document}.txt`]);
  const credit = (site: Site, document: string, count: number): Promise<string> =>
    site.asPhp([
      process.execPath,
      `${REPO_ROOT}/e2e/sites/programs/credit.mjs`,
      site.userdata,
      document,
      String(count),
      '1',
      '5',
    ]);
  const isWritable = async (site: Site, document: string): Promise<void> => {
    await php(site, 'test -r "$1" && test -w "$1" && : >> "$1"', document);
  };

  it('systemd judges an installed site by what its drop-in gives', async () => {
    const { hub, rofl, click } = sites();
    for (const site of [hub, rofl]) {
      const pid = (await site.host.must(['systemctl', 'show', '-P', 'MainPID', site.unit])).trim();
      const status = await site.host.must(['cat', `/proc/${pid}/status`]);
      for (const set of ['CapEff', 'CapBnd', 'CapAmb']) expect(status).toContain(`${set}:\t0000000000000000\n`);
      expect(await exposure(site)).toBeLessThanOrEqual(SHARED_MAX);
    }
    expect(await exposure(click)).toBeLessThanOrEqual(KEEPS_OWNER_MAX);
  });

  it('files that PHP makes with its umask of 022 go out, and come back changed; PHP goes on writing them', async () => {
    const { rofl, click } = sites();
    await php(rofl, `umask 022; printf '%s' '${balanceFile('1-andy', 100)}' > "$1"`, 'balances/1-andy');
    await sites().balanceEverywhere('balances/1-andy', 100);
    click.write('balances/1-andy', balanceFile('1-andy', 130));
    await sites().balanceStays('balances/1-andy', 130);
    await isWritable(rofl, 'balances/1-andy');
    await php(rofl, `flock "$1" printf '%s' '${balanceFile('1-andy', 150)}' > "$1"`, 'balances/1-andy');
    await sites().balanceEverywhere('balances/1-andy', 150);
    // As many write: a new file beside it, then a rename.
    await php(rofl, `printf '%s' '${balanceFile('1-andy', 160)}' > "$1.new"; mv "$1.new" "$1"`, 'balances/1-andy');
    await sites().balanceEverywhere('balances/1-andy', 160);
    click.write('balances/1-andy', balanceFile('1-andy', 170));
    await sites().balanceStays('balances/1-andy', 170);
    expect(click.ownerOf('balances/1-andy')).toMatchObject({ uid: WWW_DATA, gid: WWW_DATA });
  });

  it('files that came from elsewhere are written by PHP as well, and deletes travel', async () => {
    const { rofl, click } = sites();
    click.write('tokens/t1', '{"token":"a"}');
    await sites().textEverywhere('tokens/t1', '{"token":"a"}');
    await isWritable(rofl, 'tokens/t1');
    await php(rofl, 'rm "$1"', 'tokens/t1');
    await waitFor('the delete to arrive', { timeoutMs: 15_000 }, () => click.read('tokens/t1') === undefined);
    await php(rofl, `printf '{"token":"b"}' > "$1"; chmod 644 "$1"`, 'tokens/t2');
    await sites().textEverywhere('tokens/t2', '{"token":"b"}');
    rmSync(click.fileOf('tokens/t2'));
    await waitFor('the delete to arrive', { timeoutMs: 15_000 }, () => rofl.read('tokens/t2') === undefined);
  });

  it('a file that PHP has closed to others (0644) is taken over: it changes, and is open to PHP', async () => {
    const { rofl, click } = sites();
    await php(rofl, `printf '%s' '${balanceFile('2-bea', 5)}' > "$1"; chmod 644 "$1"`, 'balances/2-bea');
    await sites().balanceEverywhere('balances/2-bea', 5);
    click.write('balances/2-bea', balanceFile('2-bea', 8));
    await sites().balanceStays('balances/2-bea', 8);
    await isWritable(rofl, 'balances/2-bea');
  });

  it('I4: what a writer that had such a file open writes late is still seen', async () => {
    const { rofl, click } = sites();
    await php(rofl, `printf '{"balance":10}' > "$1"; chmod 644 "$1"`, 'balances/5-eve');
    await sites().balanceEverywhere('balances/5-eve', 10);
    const late = php(rofl, `exec 3<>"$1"; sleep 2; printf '{"balance":12}' >&3`, 'balances/5-eve');
    click.write('balances/5-eve', '{"balance":15}');
    await sites().balanceEverywhere('balances/5-eve', 15);
    await late;
    await sites().balanceStays('balances/5-eve', 17);
  });

  it('a file that the daemon may not read (0600) is reported, waits, and goes on when it may', async () => {
    const { rofl, click } = sites();
    const from = rofl.log().length;
    await php(
      rofl,
      `umask 077; f=$(mktemp); printf '%s' '${balanceFile('3-cleo', 5)}' > "$f"; mv "$f" "$1"`,
      'balances/3-cleo',
    );
    await rofl.logged('AXL-PERMISSION', { from, timeoutMs: 20_000 });
    expect(click.read('balances/3-cleo')).toBeUndefined();
    const doctor = await rofl.host.run([process.execPath, MAIN, 'doctor', '--config', '/etc/axle/spoke.yaml'], {
      timeoutMs: 60_000,
    });
    expect(doctor.stdout).toMatch(/3-cleo.*\n.*setfacl -R -P -m/);
    await php(rofl, 'setfacl -m u:axle:rw "$1"', 'balances/3-cleo');
    await sites().balanceEverywhere('balances/3-cleo', 5, 30_000);
  });

  it("the operator's own files (sudo tee) are kept in step", async () => {
    const { rofl, click } = sites();
    const file = `${rofl.userdata}/balances/test-999.txt`;
    await rofl.host.must(['tee', file], { input: balanceFile('test-999', 5000) });
    await sites().balanceEverywhere('balances/test-999', 5000);
    click.write('balances/test-999', balanceFile('test-999', 5001));
    await sites().balanceStays('balances/test-999', 5001);
    await isWritable(rofl, 'balances/test-999');
  });

  it('writers that lock lose nothing, at sites of both kinds at once', async () => {
    const { rofl, click, hub } = sites();
    click.write('balances/4-dora', balanceFile('4-dora', 0));
    await sites().balanceEverywhere('balances/4-dora', 0);
    await Promise.all([rofl, click, hub].map((site) => credit(site, 'balances/4-dora', 60)));
    await sites().balanceStays('balances/4-dora', 180, 30_000);
  });

  it('a restart, and a kill, change nothing of that', async () => {
    const { rofl, click } = sites();
    await rofl.ready(() => rofl.kill());
    click.write('balances/1-andy', balanceFile('1-andy', 200));
    await sites().balanceStays('balances/1-andy', 200, 30_000);
    await isWritable(rofl, 'balances/1-andy');
  });
});
