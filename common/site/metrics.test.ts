import { afterEach, describe, expect, it } from 'vitest';
import { SILENT } from '../runtime/log.js';
import { Lab } from '../testing/sites.js';
import { Activity } from './activity.js';
import { METRIC_NAMES, siteRegistry } from './metrics.js';
import type { SiteStatus } from './status.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

const status = (more: Partial<SiteStatus> = {}): SiteStatus => ({
  site: 'directsponsor',
  role: 'hub',
  version: '1.2.3',
  replica: 'directsponsor~1',
  phase: 'ready',
  isReady: true,
  userdata: '/data',
  state: '/state',
  started_at: 1_000_000,
  changed_at: 2_000_500,
  now: 2_001_000,
  documents: 7,
  peers: [{ site: 'roflfaucet', isUp: false, behind: 17, heard_ms_ago: 1500 }],
  backlog: { looks: 3, files: 4 },
  held: 2,
  overdrawn: 1,
  repaired: 5,
  arrivals: { bounds_ms: [10, 100], counts: [2, 1, 1], sum_ms: 550, count: 4, p50_ms: 10, p99_ms: 500 },
  counts: { materialised: 4, 'held AXL-HELD-ZERO': 2, 'late write AXL-LATE-WRITE': 3, 'peer down ssh-failed': 1 },
  troubles: [
    { step: 'scan', code: 'AXL-DISK-FULL', reason: '', hint: '' },
    { step: 'send x', code: 'AXL-DISK-FULL', reason: '', hint: '' },
  ],
  ...more,
});

/** `name{labels}` → value, without the label of the site. */
async function scraped(read: () => SiteStatus): Promise<Map<string, number>> {
  const text = await siteRegistry('directsponsor', read).metrics();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of lines) expect(line).toContain('site="directsponsor"');
  return new Map(
    lines.map((line) => {
      const [, name = '', labels = '', value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
      const others = labels.split(/,(?=\w+=)/).filter((label) => !label.startsWith('site='));
      return [others.length === 0 ? name : `${name}{${others.join(',')}}`, Number(value)];
    }),
  );
}

describe('the figures for Prometheus', () => {
  it('are those of the status', async () => {
    const figures = await scraped(status);
    expect(Object.fromEntries(figures)).toMatchObject({
      'axle_info{version="1.2.3",role="hub"}': 1,
      axle_ready: 1,
      axle_documents: 7,
      axle_last_change_timestamp_seconds: 2000.5,
      'axle_backlog{what="looks"}': 3,
      'axle_backlog{what="files"}': 4,
      'axle_peer_up{peer="roflfaucet"}': 0,
      'axle_peer_behind_documents{peer="roflfaucet"}': 17,
      'axle_peer_heard_seconds_ago{peer="roflfaucet"}': 1.5,
      axle_held_changes: 2,
      axle_overdrawn_documents: 1,
      'axle_troubles{code="AXL-DISK-FULL"}': 2,
      axle_repaired_documents_total: 5,
      'axle_batches_refused_total{by="this_site"}': 0,
      'axle_conflicts_total{kind="late_write"}': 3,
      'axle_conflicts_total{kind="differs"}': 0,
      'axle_events_total{event="held",code="AXL-HELD-ZERO"}': 2,
      'axle_events_total{event="materialised",code=""}': 4,
      'axle_events_total{event="peer down",code="ssh-failed"}': 1,
      process_start_time_seconds: 1000,
    });
  });

  it('count arrivals as a Prometheus histogram does: each bucket holds those below it', async () => {
    const figures = [...(await scraped(status))].filter(([name]) => name.startsWith('axle_arrival'));
    expect(figures).toEqual([
      ['axle_arrival_seconds_bucket{le="0.01"}', 2],
      ['axle_arrival_seconds_bucket{le="0.1"}', 3],
      ['axle_arrival_seconds_bucket{le="+Inf"}', 4],
      ['axle_arrival_seconds_sum', 0.55],
      ['axle_arrival_seconds_count', 4],
    ]);
  });

  it('leave out what is not known yet, and are there before the site is', async () => {
    const figures = await scraped(() =>
      status({
        isReady: false,
        phase: 'starting',
        changed_at: undefined,
        peers: [{ site: 'x', isUp: true, behind: 0, heard_ms_ago: undefined }],
      }),
    );
    expect(figures.get('axle_ready')).toBe(0);
    expect(figures.get('axle_peer_up{peer="x"}')).toBe(1);
    expect([...figures.keys()].filter((name) => /last_change|heard/.test(name))).toEqual([]);
  });

  it('ask for the status once each time', async () => {
    let asked = 0;
    const registry = siteRegistry('x', () => {
      asked += 1;
      return status();
    });
    await registry.metrics();
    await new Promise(setImmediate);
    await registry.metrics();
    expect(asked).toBe(2);
  });

  it('are no more for a peer that invents codes', async () => {
    const activity = new Activity('x', SILENT, 's', () => 0);
    for (let n = 0; n < 5_000; n++) activity.log.error('our batch was refused', { code: `AXL-${n}"\n` });
    const figures = await scraped(() => status({ counts: Object.fromEntries(activity.counts) }));
    expect(figures.size).toBeLessThan(600);
    expect(figures.get('axle_events_total{event="other",code=""}')).toBe(4_500);
  });

  it('name no user and no amount', async () => {
    lab = await Lab.started();
    lab.site('roflfaucet').write('balances/1-andy', { balance: 77_777 });
    await lab.expectBalance('balances/1-andy', 77_777);
    const { hub } = lab;
    const text = await siteRegistry('directsponsor', () => hub.site.status()).metrics();
    expect(text).toContain('axle_arrival_seconds_count{site="directsponsor"} 1');
    expect(text).not.toMatch(/andy|77777/);
    expect(METRIC_NAMES.filter((name) => !text.includes(`# TYPE ${name} `))).toEqual([]);
  });
});
