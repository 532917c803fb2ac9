import { expect, test } from 'vitest';
import type { Fields, Log } from '../runtime/log.js';
import { Activity, eventsAnswer } from './activity.js';

const never = new AbortController().signal;

function activity(): { activity: Activity; passed: string[] } {
  const passed: string[] = [];
  const write = (event: string, fields: Fields = {}): void => {
    passed.push(`${event} ${JSON.stringify(fields)}`);
  };
  const log: Log = { error: write, warn: write, info: write, debug: write };
  return { activity: new Activity('roflfaucet', log, 's1', () => 1_000), passed };
}

test('what is logged is passed on, counted by event and code, and kept in order', async () => {
  const { activity: a, passed } = activity();
  a.log.info('absorbed', { document: 'balances/1-andy' });
  a.log.warn('held', { code: 'AXL-HELD-ZERO' });
  a.log.warn('held', { code: 'AXL-HELD-ZERO' });
  a.log.debug('quiet');
  expect(passed).toHaveLength(4);
  expect([...a.counts]).toEqual([
    ['absorbed', 1],
    ['held AXL-HELD-ZERO', 2],
  ]);
  expect(a.changedAt).toBe(1_000);
  const { entries, last, session } = await a.since(1, 0, never);
  expect({ session, last, ids: entries.map(({ id }) => id) }).toEqual({ session: 's1', last: 3, ids: [2, 3] });
});

test('arrivals count what came from other sites, in buckets and as percentiles', () => {
  const { activity: a } = activity();
  a.log.info('materialised', { from: 'roflfaucet', ms: 9_999 });
  for (const ms of [5, 12, 40, 70_000]) a.log.info('materialised', { from: 'clickforcharity', ms });
  const { counts, bounds_ms, sum_ms, count, p50_ms, p99_ms } = a.arrivals;
  expect({ sum_ms, count, p50_ms, p99_ms }).toEqual({ sum_ms: 70_057, count: 4, p50_ms: 12, p99_ms: 70_000 });
  expect(counts).toHaveLength(bounds_ms.length + 1);
  expect([counts[0], counts[1], counts[3], counts.at(-1)]).toEqual([1, 1, 1, 1]);
});

test('who asks for what is not there yet waits for it, and no longer than was said', async () => {
  const { activity: a } = activity();
  const waiting = eventsAnswer(a, { after: 0, wait_ms: 5_000 }, never);
  a.log.info('sent', { to: 'hub' });
  expect((await waiting).entries.map(({ event }) => event)).toEqual(['sent']);
  expect((await eventsAnswer(a, { after: 1, wait_ms: 20 }, never)).entries).toEqual([]);
  expect((await eventsAnswer(a, 'nonsense', never)).last).toBe(1);
  const stop = new AbortController();
  const stopped = eventsAnswer(a, { after: 1, wait_ms: 20_000 }, stop.signal);
  stop.abort();
  expect((await stopped).entries).toEqual([]);
});

test('only the latest entries are kept', async () => {
  const { activity: a } = activity();
  for (let n = 0; n < 5_000; n += 1) a.log.info('sent');
  const { entries, last } = await a.since(0, 0, never);
  expect(last).toBe(5_000);
  expect(entries.length).toBeLessThan(2_000);
  expect(entries.at(-1)?.id).toBe(5_000);
});
