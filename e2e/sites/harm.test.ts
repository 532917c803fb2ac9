import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { must } from '../lab/exec.js';
import { needsLab } from '../lab/skip.js';
import { sleep } from '../lab/wait.js';
import { balanceFile } from './shapes.js';
import type { Site } from './site.js';
import { useSites } from './three-sites.js';

/** Longer than the daemon looks at a file again and again before it reports it. */
const REPORT_MS = 15_000;
const BYSTANDER = 'balances/1-andy';

describe.skipIf(needsLab('harmful files on real sites'))('I6: harmful files', () => {
  const sites = useSites();
  let before: readonly string[] = [];

  beforeAll(async () => {
    for (const user of ['1-andy', '2-torn', '3-empty', '4-words', '5-list', '6-huge', '7-link']) {
      sites().rofl.write(`balances/${user}`, balanceFile(user, 100));
    }
    for (const user of ['1-andy', '2-torn', '3-empty', '4-words', '5-list', '6-huge', '7-link']) {
      await sites().balanceEverywhere(`balances/${user}`, 100);
    }
    before = await Promise.all(sites().all.map(outside));
  });

  /** The daemons still carry changes, and nothing outside of userdata has changed. */
  async function unharmed(): Promise<void> {
    const { rofl } = sites();
    const balance = (rofl.balance(BYSTANDER) ?? 0) + 1;
    rofl.write(BYSTANDER, balanceFile('1-andy', balance));
    await sites().balanceEverywhere(BYSTANDER, balance);
    expect(await Promise.all(sites().all.map(outside))).toEqual(before);
  }

  it('torn, empty, invalid or huge change no document anywhere, and are reported', async () => {
    const { hub, rofl, click } = sites();
    const from = rofl.log().length;
    const harmful: Record<string, string> = {
      'balances/2-torn': balanceFile('2-torn', 900).slice(0, 40),
      'balances/3-empty': '',
      'balances/4-words': 'Fatal error: Uncaught JsonException in write_balance.php:12\n',
      'balances/5-list': '[5000]',
      'balances/6-huge': balanceFile('6-huge', 900, { note: 'x'.repeat(10 * 1024 * 1024) }),
    };
    for (const [document, text] of Object.entries(harmful)) rofl.write(document, text);
    // Born harmful: nobody ever hears of them.
    for (const [document, text] of Object.entries(harmful)) rofl.write(`${document}-new`, text);
    for (const document of Object.keys(harmful)) {
      const code = document.endsWith('huge') ? 'AXL-TOO-LARGE' : 'AXL-TORN';
      await rofl.logged(new RegExp(`${document} not readable .*${code}`), { from, timeoutMs: REPORT_MS });
    }
    await unharmed();
    for (const document of Object.keys(harmful)) {
      for (const site of [hub, click]) expect(site.balance(document), `${document} on ${site.name}`).toBe(100);
      for (const site of [hub, click]) expect(site.read(`${document}-new`), document).toBeUndefined();
    }
  });

  it('count again as soon as they are whole again', async () => {
    for (const document of ['balances/2-torn', 'balances/3-empty', 'balances/6-huge']) {
      sites().rofl.write(document, balanceFile(document.slice('balances/'.length), 130));
    }
    for (const document of ['balances/2-torn', 'balances/3-empty', 'balances/6-huge']) {
      await sites().balanceEverywhere(document, 130);
    }
  });

  it('I10: symlinks are neither read nor written through', async () => {
    const { hub, rofl, click } = sites();
    const secret = '{"balance": 31337, "secret": "of another site"}';
    for (const site of [rofl, click]) site.host.write('/var/private/secret.txt', secret, { mode: 0o666 });
    // On the one site in place of a file that others know; on the other where one is about to come, and a whole folder.
    await rofl.host.must(['ln', '-sf', '/var/private/secret.txt', `${rofl.userdata}/balances/7-link.txt`]);
    symlinkSync('/var/private/secret.txt', rofl.fileOf('balances/8-link'));
    symlinkSync('/var/private', rofl.host.path(`${rofl.userdata}/balances/9-folder.txt`));
    symlinkSync('/var/private/secret.txt', click.fileOf('balances/10-link'));
    await rofl.logged(/balances\/7-link not readable .*AXL-NOT-A-FILE/, { timeoutMs: REPORT_MS });
    hub.write('balances/7-link', balanceFile('7-link', 107));
    rofl.write('balances/10-link', balanceFile('10-link', 10));
    await click.logged(/balances\/7-link materialised/, { timeoutMs: REPORT_MS });
    await hub.logged(/balances\/10-link materialised/, { timeoutMs: REPORT_MS });
    await unharmed();
    for (const site of [rofl, click]) expect(site.host.read('/var/private/secret.txt')).toBe(secret);
    expect(click.balance('balances/7-link')).toBe(107);
    expect(hub.balance('balances/10-link')).toBe(10);
    for (const site of [hub, click]) {
      for (const user of ['8-link', '9-folder']) expect(existsSync(site.fileOf(`balances/${user}`))).toBe(false);
    }
  });

  it('that are not ours, or are no files, are left where they are', async () => {
    const { hub, rofl, click } = sites();
    const folder = rofl.host.path(`${rofl.userdata}/balances`);
    const names = [
      '1-andy.txt.lock',
      '1-andy.txt.backup-2026',
      '1-andy.sync-conflict-20260101-120000-ABC.txt',
      '1-andy_sync-conflict-20260101-120000-ABC.txt',
      '.htaccess',
      '.stfolder',
      '..txt',
      '...txt',
      '..\\..\\etc\\passwd.txt',
      '..%2f..%2fetc%2fpasswd.txt',
      '-rf.txt',
      '$(reboot).txt',
      '; rm -rf .txt',
      'new\nline.txt',
      '9-andr\u00e9.txt',
      `${'9'.repeat(251)}.txt`,
    ];
    for (const name of names) writeFileSync(`${folder}/${name}`, '{"balance": 31337}');
    mkdirSync(`${folder}/11-folder.txt`);
    writeFileSync(`${folder}/11-folder.txt/12-inner.txt`, '{"balance": 31337}');
    await rofl.host.must(['mkfifo', `${rofl.userdata}/balances/13-pipe.txt`]);
    await rofl.host.must(['mknod', `${rofl.userdata}/balances/14-device.txt`, 'c', '1', '3']);
    await sleep(1_000);
    await unharmed();
    const known = new Set(readdirSync(hub.host.path(`${hub.userdata}/balances`)));
    for (const name of [...names.slice(0, -1), '11-folder.txt', '12-inner.txt', '13-pipe.txt', '14-device.txt']) {
      expect(known.has(name), name).toBe(false);
    }
    // The longest name that a file can have is a name like any other.
    for (const site of [hub, click]) expect(site.balance(`balances/${'9'.repeat(251)}`)).toBe(31337);
    for (const name of names) expect(existsSync(`${folder}/${name}`), name).toBe(true);
  });
});

/** Everything that the host has written to its disk (its overlay's upper layer) beside live files, state and logs. */
async function outside({ host, userdata, state }: Site): Promise<string> {
  const upper = `${dirname(host.root)}/upper`;
  const own = [userdata, state, '/var/log', `${dirname(userdata)}/logs`, '/var/private'];
  const prune = own.flatMap((path) => ['-path', `${upper}${path}`, '-prune', '-o']);
  return must(['find', upper, ...prune, '!', '-type', 'd', '-printf', '%P %y %s %T@ %u %m %l\n'], {
    timeoutMs: 20_000,
  });
}
