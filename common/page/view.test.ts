import { describe, expect, it } from 'vitest';
import type { Fields, Level } from '../runtime/log.js';
import type { PeerStatus, SiteStatus } from '../site/status.js';
import { History, PIECE_MS, PIECES } from './history.js';
import { Sample } from './testing/sample.js';
import { entryOf, viewOf } from './view.js';

const PEER: PeerStatus = { site: 'roflfaucet', isUp: true, behind: 0, heard_ms_ago: 1_000 };
const FAILURE = { code: 'connection-refused', message: 'rsync ended with code 255', hint: 'Check sshd.' };

function view(peers: readonly PeerStatus[], more: Partial<SiteStatus> = {}, isLocal = true) {
  const sample = new Sample();
  const status = { ...sample.status(), peers, ...more };
  return viewOf({ status, held: sample.heldRows, history: new History('directsponsor'), isLocal });
}

describe('a site is', () => {
  it.each([
    ['in step', {}, 'ok'],
    ['17 documents on the way', { behind: 17 }, 'ok'],
    ['1 document on the way', { behind: 1 }, 'ok'],
    ['2 documents on the way', { behind: 2, heard_ms_ago: 300_000, unanswered_ms: 50 }, 'ok'],
    ['does not answer: 17 documents waiting', { behind: 17, unanswered_ms: 31_000 }, 'bad'],
    ['does not answer: 10000 or more documents waiting', { behind: 10_000, unanswered_ms: 31_000 }, 'bad'],
    ['away', { isUp: false, failure: FAILURE }, 'bad'],
    ['not heard yet', { heard_ms_ago: undefined }, 'warn'],
    ['last heard 26 min ago', { heard_ms_ago: 26 * 60_000 }, 'warn'],
  ] as const)('%s', (is, more, health) => {
    expect(view([{ ...PEER, ...more }]).sites[0]).toMatchObject({ is, health });
  });

  it('away, with the remedy', () => {
    const peer = { ...PEER, isUp: false, failure: FAILURE };
    expect(view([peer]).sites[0]?.hint).toBe('connection-refused: rsync ended with code 255: Check sshd.');
    expect(view([peer], {}, false).sites[0]?.hint).toBe('connection-refused: Check sshd.');
  });
});

describe('the headline says the worst', () => {
  const away = { ...PEER, site: 'homeserver', isUp: false };
  const trouble = { step: 'scan', code: 'AXL-DISK-FULL', reason: 'ENOSPC', hint: 'free space' };
  it.each([
    ['All 2 sites are in step', [PEER, { ...PEER, site: 'x' }], {}, 'ok'],
    ['In step with roflfaucet', [PEER], {}, 'ok'],
    ['homeserver is away', [PEER, away], { held: 2 }, 'bad'],
    ['homeserver does not answer', [{ ...PEER, site: 'homeserver', behind: 2, unanswered_ms: 60_000 }], {}, 'bad'],
    ['AXL-DISK-FULL: something does not work here', [PEER, away], { troubles: [trouble] }, 'bad'],
    ['2 changes wait for your decision', [PEER], { held: 2, overdrawn: 1 }, 'warn'],
    ['1 change waits for your decision', [PEER], { held: 1 }, 'warn'],
    ['1 document with less than nothing', [PEER], { overdrawn: 1 }, 'warn'],
    ['roflfaucet: not heard yet', [{ ...PEER, heard_ms_ago: undefined }], {}, 'warn'],
    ['directsponsor is joining', [PEER], { isReady: false, phase: 'joining' }, 'warn'],
    ['directsponsor is starting', [], { isReady: false, phase: 'starting' }, 'warn'],
  ] as const)('%s', (headline, peers, more, health) => {
    expect(view(peers, more)).toMatchObject({ headline, health });
  });
});

describe('an entry of the log', () => {
  const entry = (event: string, fields: Fields, level: Level = 'warn') => ({ id: 1, at: 0, level, event, fields });

  it('shows names of documents on this machine alone, and an amount to nobody', () => {
    const race = entry('race repaired', { document: 'balances/1-andy', site: 'x', difference: '-40', counted: '60' });
    expect(entryOf(race, true)?.fields).toEqual({ document: 'balances/1-andy', site: 'x' });
    expect(entryOf(race, false)?.fields).toEqual({ site: 'x' });
    const repaired = entry('repaired', { code: 'AXL-REPAIRED', count: 1, documents: 'balances/1-andy', peer: 'y' });
    expect(entryOf(repaired, true)?.fields).toEqual({ code: 'AXL-REPAIRED', count: 1, peer: 'y' });
    const torn = entry('not readable', { document: 'balances/1-andy', code: 'AXL-TORN', reason: '{"balance": 40' });
    expect(JSON.stringify(entryOf(torn, true))).not.toContain('40');
  });

  it('shows what the machine says of itself on this machine alone', () => {
    const failed = entry('failed', { step: 'materialise balances', reason: 'EACCES /var/x', code: 'AXL-PERMISSION' });
    expect(entryOf(failed, true)?.fields).toMatchObject({ reason: 'EACCES /var/x', step: 'materialise balances' });
    expect(entryOf(failed, false)?.fields).toEqual({ code: 'AXL-PERMISSION' });
  });

  it('is bounded in length, and left out where it would hide the rest', () => {
    expect(String(entryOf(entry('held', { hint: 'x'.repeat(9_999) }), true)?.fields.hint)).toHaveLength(400);
    expect(entryOf(entry('sent', { to: 'x', documents: 3 }, 'info'), true)).toBeUndefined();
    expect(entryOf(entry('received', { documents: 3 }, 'info'), true)).toBeUndefined();
  });
});

describe('held changes', () => {
  it('are named on this machine alone, and never with their text', () => {
    const sample = new Sample();
    const row = {
      id: 4,
      document: 'balances/1-andy',
      reason: 'zero',
      at: 9,
      live: '{"balance": 0}',
      view: '{"balance": 77}',
    };
    const parts = { status: sample.status(), held: [row], history: new History('x') };
    expect(viewOf({ ...parts, isLocal: true }).held.latest).toEqual([
      { id: 4, document: 'balances/1-andy', why: 'went to zero without a transaction', at: 9 },
    ]);
    expect(viewOf({ ...parts, isLocal: false }).held.latest).toEqual([
      { id: 4, why: 'went to zero without a transaction', at: 9 },
    ]);
  });
});

describe('the last quarter of an hour', () => {
  const at = (n: number) => 1_000 * PIECE_MS + n;
  const note = (history: History, time: number, event: string, fields: Fields) =>
    history.note({ id: 1, at: time, level: 'info', event, fields });

  it('counts changes by where they were made, and times those from elsewhere', () => {
    const history = new History('hub');
    note(history, at(0), 'absorbed', { document: 'a' });
    for (const ms of [10, 90, 30]) note(history, at(PIECE_MS), 'materialised', { from: 'rofl', ms });
    note(history, at(PIECE_MS), 'materialised', { from: 'hub', ms: 5_000 });
    note(history, at(PIECE_MS), 'sent', { to: 'rofl' });
    const points = history.points(at(PIECE_MS));
    expect(points).toHaveLength(PIECES);
    expect(points.slice(-2)).toEqual([{ changes: 1 }, { changes: 4, p50_ms: 30 }]);
    expect(history.points(at(PIECE_MS), 'rofl').at(-1)).toEqual({ changes: 3, p50_ms: 30 });
    expect(history.perMinute(at(PIECE_MS))).toBe(5);
    expect(history.perMinute(at(PIECE_MS), 'click')).toBe(0);
  });

  it('forgets what is older, whatever the clock does', () => {
    const history = new History('hub');
    for (let n = 0; n < 1_000; n++) note(history, at(n * PIECE_MS), 'absorbed', {});
    expect(history.points(at(999 * PIECE_MS)).every(({ changes }) => changes === 1)).toBe(true);
    expect(history.perMinute(at(2_000 * PIECE_MS))).toBe(0);
    note(history, at(0), 'absorbed', {});
    expect(history.perMinute(at(0))).toBe(1);
  });
});
