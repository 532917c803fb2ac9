/** What systemd does for a daemon: starts it again when it died or hangs, and hands it a changed config. */
import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { sleep, waitFor } from '../lab/wait.js';
import { balanceFile } from '../sites/shapes.js';
import type { Site } from '../sites/site.js';
import type { ThreeSites } from '../sites/sites.js';

export const RECOVERY_MS = 30_000;
export const WATCHDOG_S = 4;
const CONFIG = '/etc/axle/spoke.yaml';

const dropIn = (site: Site): string => `/etc/systemd/system/${site.unit}.d/zzz-test.conf`;

/** Restarts a site with these lines more in its unit, which `work` then has; afterwards they are gone from the disk. */
export async function withUnit(site: Site, lines: readonly string[], work: () => Promise<void>): Promise<void> {
  site.host.write(dropIn(site), `[Service]\n${lines.join('\n')}\n`);
  try {
    await restart(site);
    await work();
  } finally {
    rmSync(site.host.path(dropIn(site)), { force: true });
    await site.host.must(['systemctl', 'daemon-reload']);
  }
}

export async function restart(site: Site): Promise<void> {
  await site.host.must(['systemctl', 'daemon-reload']);
  await site.ready(() => site.host.must(['systemctl', 'restart', '--no-block', site.unit]));
}

/** Tests of a story in which three sites are in step. */
export function upkeep(sites: () => ThreeSites): void {
  it('kill -9: is back by itself, and what was written meanwhile arrives', async () => {
    const { rofl } = sites();
    const before = Number(await rofl.prop('NRestarts'));
    await rofl.ready(async () => {
      await rofl.kill();
      rofl.write('balances/2-bea', balanceFile('2-bea', 7));
    });
    await sites().balanceStays('balances/2-bea', 7, RECOVERY_MS);
    expect(Number(await rofl.prop('NRestarts'))).toBe(before + 1);
  });

  it('a daemon that hangs is ended by the watchdog and started again; one that works is not', async () => {
    const { rofl } = sites();
    await withUnit(rofl, [`WatchdogSec=${WATCHDOG_S}s`], async () => {
      const pid = await rofl.prop('MainPID');
      await sleep(WATCHDOG_S * 2_500);
      expect(await rofl.prop('MainPID'), 'nothing was wrong').toBe(pid);
      await rofl.ready(async () => {
        await rofl.host.must(['kill', '-STOP', pid]);
        rofl.write('balances/3-cleo', balanceFile('3-cleo', 9));
      }, RECOVERY_MS);
      expect(await rofl.journal(60)).toContain('Watchdog timeout');
      await sites().balanceEverywhere('balances/3-cleo', 9, RECOVERY_MS);
    });
  });

  it('a reload takes what it can, names what waits, and refuses a config with mistakes', async () => {
    const { rofl, hub } = sites();
    await restart(rofl);
    const pid = await rofl.prop('MainPID');
    const good = rofl.host.read(CONFIG);
    const reload = async (text: string): Promise<number> => {
      rofl.host.write(CONFIG, text);
      const from = rofl.log().length;
      await rofl.host.must(['systemctl', 'reload', rofl.unit]);
      return from;
    };
    const goodAnd = (more: object): string => stringify({ ...(parse(good) as object), ...more });
    const status = async (text: string): Promise<void> => {
      await waitFor(`status "${text}"`, { timeoutMs: 15_000 }, async () =>
        (await rofl.prop('StatusText')).includes(text),
      );
    };

    rofl.write('balances/4-dan', balanceFile('4-dan', 400));
    await sites().balanceEverywhere('balances/4-dan', 400);
    rofl.write('balances/4-dan', balanceFile('4-dan', 0));
    await rofl.logged(/balances\/4-dan held .*reason=zero|balances\/4-dan .*held/);
    expect(hub.balance('balances/4-dan')).toBe(400);

    let from = await reload(goodAnd({ log_level: 'loud', scan_interval_s: 0 }));
    await rofl.logged(/config mistake .*log_level: must be one of/, { from });
    await rofl.logged(/config mistake .*scan_interval_s: must be/, { from });
    await rofl.logged(/config refused .*code=AXL-CONFIG/, { from });
    await status('config refused, the one from before goes on; ');

    from = await reload(goodAnd({ log_level: 'debug', guards: { zero: false }, scan_interval_s: 60 }));
    await rofl.logged('config reloaded changed="guards.zero, log_level"', { from });
    await rofl.logged(/config needs a restart keys=scan_interval_s code=AXL-RESTART/, { from });
    await status('restart for scan_interval_s; ');
    rofl.write('balances/5-eve', balanceFile('5-eve', 50));
    await sites().balanceEverywhere('balances/5-eve', 50);
    rofl.write('balances/5-eve', balanceFile('5-eve', 0));
    await sites().balanceEverywhere('balances/5-eve', 0);

    from = await reload(good);
    await rofl.logged('config reloaded changed="guards.zero, log_level"', { from });
    await status('1 peer, 0 behind');
    expect(await rofl.prop('StatusText')).toMatch(/^(1 held, )?1 peer, 0 behind, last change \d+ s ago$/);
    expect(await rofl.prop('MainPID')).toBe(pid);
  });
}
