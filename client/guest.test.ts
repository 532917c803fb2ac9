import { describe, expect, it } from 'vitest';
import { Claims, claimable, sourceOf } from './claims.js';
import { GUEST_KEY, GuestTransactions, parseGuest } from './guest.js';
import { MemoryBox } from './storage.js';

const NOW = 1_770_000_000_000;
const COIN = 100_000_000n;
const clock = () => NOW;

function guestTab(box: MemoryBox): GuestTransactions {
  return new GuestTransactions(box, clock, Math.random);
}
const next = (claims: Claims) => claims.next('1-andy', new Set());
const old = (id: string, amount: number, type = 'earn') => ({
  id,
  type,
  amount,
  source: 'faucet',
  description: 'Faucet claim',
  timestamp: '2026-02-02T02:40:00.000Z',
});

describe('a guest', () => {
  it('has what they earned less what they spent, under the old key', () => {
    const box = new MemoryBox();
    box.set(GUEST_KEY, JSON.stringify([old('1', 20)]));
    const guest = guestTab(box);
    guest.save('spend', 5.5, 'slots_bet');
    expect(guest.balance()).toBe((145n * COIN) / 10n);
    expect(JSON.parse(box.get(GUEST_KEY) ?? '')).toMatchObject([
      { id: '1' },
      { type: 'spend', amount: 5.5, source: 'slots_bet', timestamp: new Date(NOW).toISOString() },
    ]);
  });

  it('two transactions of one millisecond are two', () => {
    const guest = guestTab(new MemoryBox());
    expect(guest.save('earn', 1).id).not.toBe(guest.save('earn', 1).id);
  });

  it('puts back what another tab has not seen, and not what was taken away', () => {
    const box = new MemoryBox();
    const guest = guestTab(box);
    guest.save('earn', 20);
    const theirs = JSON.stringify([old('theirs', 7)]);
    box.set(GUEST_KEY, theirs);
    guest.heard(theirs);
    expect(guest.balance()).toBe(27n * COIN);
    box.remove(GUEST_KEY);
    guest.heard(null);
    guest.heard('[]');
    expect(guest.balance()).toBe(0n);
  });

  it.each(['{', 'null', '7', '[null, 7, {"type":"earn","amount":"x"}, {"type":"give","amount":1}]'])(
    'with %s in storage has nothing',
    (text) => {
      expect(parseGuest(text)).toEqual([]);
    },
  );
});

describe('a claim', () => {
  it('is the same list until it is settled, and then nothing', () => {
    const box = new MemoryBox();
    const claims = new Claims(box, clock);
    const guest = guestTab(box);
    guest.save('earn', 20, 'faucet');
    guest.save('earn', 5, 'slots win!');
    expect(claims.take('1-andy', guest)).toBe(true);
    expect(guest.list()).toEqual([]);
    const sent = next(claims);
    expect(sent).toMatchObject([
      { type: 'earn', amount: '20', source: 'faucet' },
      { type: 'earn', amount: '5', source: 'slots_win_' },
    ]);
    // The page was closed before the answer came.
    expect(next(new Claims(box, clock))).toEqual(sent);
    claims.settle('1-andy', {
      claimed: [sent[0]?.id ?? ''],
      skipped: [{ id: sent[1]?.id ?? '', reason: 'already_claimed' }],
    });
    expect(claims.take('1-andy', guest)).toBe(false);
    expect(box.keys()).toEqual([]);
  });

  it('belongs to whoever signed in first', () => {
    const box = new MemoryBox();
    const claims = new Claims(box, clock);
    box.set(GUEST_KEY, JSON.stringify([old('1', 20), old('2', 7)]));
    const left = box.get(GUEST_KEY) ?? '';
    claims.take('1-andy', guestTab(box));
    // Closed between the two writes: the guest's list is still there when somebody else signs in.
    box.set(GUEST_KEY, left);
    expect(claims.take('2-bob', guestTab(box))).toBe(false);
    expect(claims.of('1-andy')).toHaveLength(2);
  });

  it('is what is left of the earnings, the oldest spent first', () => {
    const box = new MemoryBox();
    const claims = new Claims(box, clock);
    box.set(GUEST_KEY, JSON.stringify([old('1', 20), old('2', 5.5, 'spend'), old('3', 10), old('4', 19.7, 'spend')]));
    expect(claims.take('1-andy', guestTab(box))).toBe(true);
    expect(next(claims)).toMatchObject([{ id: '3', type: 'earn', amount: '4.8' }]);
    expect(next(claims)).toHaveLength(1);
    expect(JSON.parse(box.get('axle_claim:1-andy') ?? '')).toEqual(next(claims));
  });

  it('is nothing where as much or, in an old list, more was spent', () => {
    for (const spent of [20, 21]) {
      const box = new MemoryBox();
      box.set(GUEST_KEY, JSON.stringify([old('1', spent, 'spend'), old('2', 20)]));
      expect(new Claims(box, clock).take('1-andy', guestTab(box))).toBe(false);
      expect(box.keys()).toEqual([]);
    }
  });

  it('keeps what is over the cap or not spoken of, and tells of what is lost', () => {
    const box = new MemoryBox();
    const claims = new Claims(box, clock);
    box.set(GUEST_KEY, JSON.stringify([old('1', 20), old('2', 7), old('3', 8), old('4', 9)]));
    claims.take('1-andy', guestTab(box));
    const lost = claims.settle('1-andy', {
      claimed: ['3'],
      skipped: [
        { id: '1', reason: 'over_cap' },
        { id: '2', reason: 'out_of_time' },
      ],
    });
    expect(lost).toMatchObject([{ transaction: { id: '2', amount: '7' }, reason: 'out_of_time' }]);
    expect(claims.of('1-andy').map(({ id }) => id)).toEqual(['1', '4']);
    expect(claims.next('1-andy', new Set(['1'])).map(({ id }) => id)).toEqual(['4']);
  });

  it('hazard 7: equal ids of an old list are each paid, under the same names every time', () => {
    const list = parseGuest(JSON.stringify([old('5', 1), old('5', 2), old('5', 3)]));
    expect(claimable(list, NOW).map(({ id, amount }) => [id, amount])).toEqual([
      ['5', '1'],
      ['5+1', '2'],
      ['5+2', '3'],
    ]);
    expect(claimable(list, NOW + 1)).toEqual(claimable(list, NOW));
  });

  it('makes of any old entry what the sidecar takes', () => {
    const list = parseGuest(
      JSON.stringify([
        { id: NOW, type: 'earn', amount: 0.30000000000000004, description: 'x'.repeat(300) },
        { type: 'earn', amount: 5, source: '✨', timestamp: 'never' },
        { id: 'a b', type: 'earn', amount: 0 },
      ]),
    );
    const all = claimable(list, NOW);
    expect(all).toMatchObject([
      { id: String(NOW), amount: '0.3', source: 'unknown', timestamp: new Date(NOW).toISOString() },
      { id: 'none', amount: '5', source: 'unknown' },
    ]);
    expect(all[0]?.description).toHaveLength(200);
    expect(sourceOf('poker dice: win')).toBe('poker_dice:_win');
  });

  it('goes in pieces that one request can carry', () => {
    const box = new MemoryBox();
    const claims = new Claims(box, clock);
    const many = Array.from({ length: 1000 }, (_, index) => old(String(index), 1));
    box.set(GUEST_KEY, JSON.stringify(many));
    claims.take('1-andy', guestTab(box));
    let rounds = 0;
    for (let sent = next(claims); sent.length > 0; sent = next(claims)) {
      expect(JSON.stringify(sent).length).toBeLessThan(20_000);
      claims.settle('1-andy', { claimed: sent.map(({ id }) => id), skipped: [] });
      rounds += 1;
    }
    expect(rounds).toBeGreaterThan(5);
    expect(rounds).toBeLessThan(30);
  });
});
