import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { Lab } from '../testing/sites.js';
import { type SiteStatus, statusLine } from './status.js';

let lab: Lab | undefined;

afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

test('a hub says how it is: peers, what they are behind by, documents, arrivals', async () => {
  lab = await Lab.started();
  const rofl = lab.site('roflfaucet');
  rofl.write('balances/1-andy', { balance: 5 });
  await lab.expectBalance('balances/1-andy', 5);
  await lab.settled();
  const status = lab.hub.site.status();
  expect(status).toMatchObject({ role: 'hub', phase: 'ready', isReady: true, documents: 1, held: 0, overdrawn: 0 });
  expect(status.peers.map(({ site, isUp, behind }) => ({ site, isUp, behind }))).toEqual([
    { site: 'roflfaucet', isUp: true, behind: 0 },
    { site: 'clickforcharity', isUp: true, behind: 0 },
  ]);
  expect(status.counts.materialised).toBe(1);
  expect(status.arrivals.count).toBe(1);
  expect(statusLine(status)).toMatch(/^2 peers, 0 behind, last change \d+ s ago$/);
  await lab.hub.site.pulse();
});

test('documents that a peer has not confirmed are what it is behind by', async () => {
  lab = await Lab.started();
  lab.fate = ({ to }) => (to === 'clickforcharity' ? 'lose' : 'pass');
  const rofl = lab.site('roflfaucet');
  for (const user of ['1-andy', '2-bob', '3-cora']) rofl.write(`balances/${user}`, { balance: 5 });
  await lab.until('the hub has all three', () => lab?.hub.site.status().documents === 3);
  const { peers } = lab.hub.site.status();
  expect(peers.find(({ site }) => site === 'clickforcharity')?.behind).toBe(3);
  await lab.until('they were delivered, and nothing came back', () => {
    const status = lab?.hub.site.status().peers ?? [];
    const since = (name: string) => status.find(({ site }) => site === name)?.unanswered_ms;
    return (since('clickforcharity') ?? 0) > 20 && since('roflfaucet') === undefined;
  });
  await lab.until('roflfaucet owes nothing', () => rofl.site.status().peers[0]?.behind === 0);
  lab.fate = () => 'pass';
});

test('the status line names what is wrong first', () => {
  const peer = { site: 'roflfaucet', isUp: false, behind: 17, heard_ms_ago: undefined };
  const status = {
    isReady: true,
    phase: 'ready',
    peers: [peer, { ...peer, site: 'x', isUp: true, behind: 0 }],
    held: 2,
    troubles: [{ step: 'absorb', code: 'AXL-DISK-FULL', reason: '', hint: '' }],
    changed_at: undefined,
    now: 0,
  } as unknown as SiteStatus;
  expect(statusLine(status)).toBe(
    'AXL-DISK-FULL at absorb, roflfaucet away, 2 held, 2 peers, 17 behind, no change since the start',
  );
  const silent = { ...status, peers: [{ ...peer, isUp: true, heard_ms_ago: 40_000, unanswered_ms: 31_000 }] };
  expect(statusLine({ ...silent, troubles: [], held: 0 })).toBe(
    'roflfaucet does not answer, 1 peer, 17 behind, no change since the start',
  );
  expect(statusLine({ ...status, isReady: false })).toBe('starting');
  expect(statusLine({ ...status, isReady: false, phase: 'joining' })).toBe('joining');
});

test('there is no sign of life while a piece of work on store and files stands still', async () => {
  lab = await Lab.started();
  const { site } = lab.hub;
  let free: () => void = () => {};
  const stuck = site.replica.exclusive(
    () =>
      new Promise<void>((resolve) => {
        free = resolve;
      }),
  );
  let beats = 0;
  const pulse = site.pulse().then(() => {
    beats += 1;
  });
  // The loop turns all the while.
  await sleep(200);
  expect(beats).toBe(0);
  free();
  await Promise.all([stuck, pulse]);
  expect(beats).toBe(1);
});
