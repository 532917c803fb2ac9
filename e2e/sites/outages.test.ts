import { beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { needsLab } from '../lab/skip.js';
import { sleep } from '../lab/wait.js';
import { creditByNode } from './php.js';
import { balanceFile } from './shapes.js';
import type { Site } from './site.js';
import { useSites } from './three-sites.js';

/** The hub is away for a minute where nobody waits for the result, and for 20 s on a developer's machine. */
const HUB_DOWN_S = Number(process.env.AXLE_E2E_DOWN_S ?? (process.env.CI === 'true' ? 60 : 20));
const CUT_MS = 7_000;
/** A reconnect waits out a backoff of at most 30 s, jitter included, and its own handshake. */
const RECONNECT_MS = 45_000;

describe.skipIf(needsLab('outages between real sites'))('I9: when the way between sites is interrupted', () => {
  const sites = useSites();

  beforeAll(async () => {
    sites().hub.write('balances/1-andy', balanceFile('1-andy', 100));
    await sites().balanceEverywhere('balances/1-andy', 100);
  });

  it(`a hub without power for ${HUB_DOWN_S} s misses nothing that the spokes wrote`, async () => {
    const { hub, rofl, click } = sites();
    await hub.host.stop();
    const count = HUB_DOWN_S * 5;
    await Promise.all([
      creditByNode(rofl, { document: 'balances/1-andy', count, amount: 1, pauseMs: 200 }),
      creditByNode(click, { document: 'balances/1-andy', count, amount: 2, pauseMs: 200 }),
    ]);
    rofl.write('balances/2-bea', balanceFile('2-bea', 7));
    await hub.host.start();
    await hub.start();
    const began = performance.now();
    await sites().balanceEverywhere('balances/1-andy', 100 + count * 3, RECONNECT_MS);
    await sites().balanceEverywhere('balances/2-bea', 7, RECONNECT_MS);
    console.info(`caught up ${Math.round(performance.now() - began)} ms after the hub was ready again`);
  });

  it('a spoke cut off from the network goes on alone and is caught up when it is back', async () => {
    const { hub, rofl, click } = sites();
    hub.write('balances/3-cleo', balanceFile('3-cleo', 1_000));
    await sites().balanceEverywhere('balances/3-cleo', 1_000);
    await click.host.cut();
    const count = CUT_MS / 100;
    await Promise.all([
      creditByNode(rofl, { document: 'balances/3-cleo', count, amount: 1, pauseMs: 100 }),
      creditByNode(click, { document: 'balances/3-cleo', count, amount: 10, pauseMs: 100 }),
    ]);
    await click.host.heal();
    const began = performance.now();
    await sites().balanceStays('balances/3-cleo', 1_000 + count * 11, RECONNECT_MS);
    console.info(`caught up ${Math.round(performance.now() - began)} ms after the network was back`);
  });

  it('a spoke that the hub cannot call fetches what the hub has for it', async () => {
    const { hub, click, rofl } = sites();
    await Promise.all([hub.stop(), click.stop()]);
    await click.host.must(['systemctl', 'stop', 'ssh']);
    change(hub, 'hub', (config) => {
      const spoke = (config.spokes as { site: string; link: object }[]).find(({ site }) => site === click.name);
      Object.assign(spoke ?? {}, { link: { type: 'pull' } });
    });
    change(click, 'spoke', (config) => Object.assign(config.hub as object, { pull: { interval_ms: 200 } }));
    await hub.start();
    await click.start();

    const started = performance.now();
    rofl.write('balances/4-dan', balanceFile('4-dan', 40));
    await sites().balanceEverywhere('balances/4-dan', 40, RECONNECT_MS);
    console.info(`to the site that fetches every 200 ms: ${Math.round(performance.now() - started)} ms`);
    const credits = { document: 'balances/4-dan', count: 100, pauseMs: 20 };
    await Promise.all([creditByNode(rofl, { ...credits, amount: 1 }), creditByNode(click, { ...credits, amount: 2 })]);
    await sites().balanceStays('balances/4-dan', 340, RECONNECT_MS);
    await sleep(1_000);
    expect(click.log()).not.toContain('batch refused');
  });
});

/** Changes a site's configuration file. */
function change(site: Site, role: 'hub' | 'spoke', how: (config: Record<string, unknown>) => void): void {
  const file = `/etc/axle/${role}.yaml`;
  const config = parse(site.host.read(file)) as Record<string, unknown>;
  how(config);
  site.host.write(file, stringify(config));
}
