/** Guests, miners and statements: money that comes from elsewhere than a page, and where it came from. */
import { describe, expect } from 'vitest';
import { ANDY, sidecarTests } from './testing/sidecar-tests.js';
import { jwt, type LabSidecar } from './testing/sidecars.js';

const test = sidecarTests(6);

const earned = (id: string, amount: number, more: object = {}) => ({
  id,
  type: 'earn',
  amount,
  source: 'faucet',
  timestamp: new Date().toISOString(),
  ...more,
});
const claim = (sidecar: LabSidecar, transactions: unknown, as = jwt('1-andy'), user = '1-andy') =>
  sidecar.ask(`/v1/guests/${user}/claim`, { method: 'POST', body: { transactions }, as });

describe('a guest who signs in', () => {
  const at = (seconds: number) => ({ timestamp: new Date(Date.now() - 3_600_000 + seconds * 1000).toISOString() });
  const spent = (id: string, amount: number, more: object = {}) =>
    earned(id, amount, { type: 'spend', source: 'slots_bet', ...more });

  test('hazard 8: is credited each transaction once, in the order of their times, however often it is claimed', async ({
    lab,
    sidecar,
  }) => {
    const all = [spent('b', 12, at(2)), earned('a', 20, at(1)), earned('c', 2.5, at(3))];
    const answers = await Promise.all([claim(sidecar, all), claim(sidecar, all)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers.flatMap(({ body }) => body.claimed).sort()).toEqual(['a', 'b', 'c']);
    const again = await claim(sidecar, all);
    expect(again.body).toEqual({
      claimed: [],
      skipped: ['a', 'b', 'c'].map((id) => ({ id, reason: 'already_claimed' })),
      balance: '110.5',
    });
    await lab.expectBalance(ANDY, 110.5);
  });

  test('never takes what was the member’s own: no more is spent than was claimed', async ({ lab, sidecar }) => {
    const old = { timestamp: new Date(Date.now() - 29 * 86_400_000).toISOString() };
    const { body } = await claim(sidecar, [earned('a', 60, old), spent('b', 50, at(1))]);
    expect([body.claimed, body.skipped]).toEqual([
      [],
      [
        { id: 'a', reason: 'out_of_time' },
        { id: 'b', reason: 'spend' },
      ],
    ]);
    // What an earlier claim has brought may be spent by a later one, as far as it goes.
    await claim(sidecar, [earned('c', 30)]);
    expect((await claim(sidecar, [spent('d', 20), spent('e', 20), spent('f', 10)])).body).toMatchObject({
      claimed: ['d', 'f'],
      skipped: [{ id: 'e', reason: 'spend' }],
    });
    await lab.expectBalance(ANDY, 100);
  });

  for (const { order, times, balance } of [
    { order: 'in turn', times: (n: number) => [2 * n, 2 * n + 1], balance: 1_050 },
    // 25 wins are all that the cap allows, and of what they brought 26 bets are paid.
    { order: 'the wins first', times: (n: number) => [n, 50 + n], balance: 1_006 },
  ] as const)
    test(
      `50 wins of 20 and 50 bets of 19, ${order}, leave a member with 1,000 no poorer`,
      async ({ lab, sidecar }) => {
        const all = Array.from({ length: 50 }, (_, n) => {
          const [win = 0, bet = 0] = times(n);
          return [earned(`w${n}`, 20, at(win)), spent(`b${n}`, 19, at(bet))];
        });
        expect((await claim(sidecar, all.flat())).body.balance).toBe(String(balance));
        await lab.expectBalance(ANDY, balance);
      },
      { content: { balance: 1_000 } },
    );

  test('gets no more than the policy allows, and nothing for what is older than the answers that are kept', async ({
    lab,
    sidecar,
  }) => {
    const old = { timestamp: new Date(Date.now() - 29 * 86_400_000).toISOString() };
    const { body } = await claim(sidecar, [earned('a', 300), earned('b', 201), earned('c', 200), earned('d', 1, old)]);
    expect(body.claimed).toEqual(['a', 'c']);
    expect(body.skipped).toEqual([
      { id: 'd', reason: 'out_of_time' },
      { id: 'b', reason: 'over_cap' },
    ]);
    await lab.expectBalance(ANDY, 600);
  });

  test('is not kept from the rest of their list by one amount that is over every limit', async ({ lab, sidecar }) => {
    const { status, body } = await claim(sidecar, [
      earned('a', 999_999_999_999_999, at(1)),
      spent('b', 999_999_999_999_999, at(2)),
      earned('c', 5, at(3)),
    ]);
    expect([status, body.claimed, body.skipped]).toEqual([
      200,
      ['c'],
      [
        { id: 'a', reason: 'over_cap' },
        { id: 'b', reason: 'spend' },
      ],
    ]);
    await lab.expectBalance(ANDY, 105);
  });

  test('cannot claim for somebody else, and no negative or senseless amounts', async ({ lab, sidecar }) => {
    expect((await claim(sidecar, [earned('a', 1)], jwt('2-eve'))).status).toBe(403);
    for (const bad of [
      earned('a', -1),
      earned('a', 0),
      earned('a', 1, { type: 'gift' }),
      earned('a', 1, { timestamp: 'soon' }),
      {},
    ])
      expect((await claim(sidecar, [bad])).status).toBe(400);
    expect((await claim(sidecar, Array(201).fill(earned('a', 1)))).status).toBe(400);
    await lab.expectBalance(ANDY, 100);
  });
});

const mined = (over: object = {}) => ({
  miner: 'garage',
  worker: 'bitaxe-1',
  user: '1-andy',
  amount: '0.125',
  difficulty: 1024,
  from: 1_770_000_000,
  to: '2026-02-02T02:50:00Z',
  ...over,
});
const report = (sidecar: LabSidecar, body: object) => sidecar.ask('/v1/miner-credits', { method: 'POST', body });

describe('miner credits', () => {
  test(
    'are paid once for a period of a worker, whoever reports it, also long after the keys are gone',
    async ({ lab, faucet, sidecar }) => {
      const [first, second] = await Promise.all([report(sidecar, mined()), report(sidecar, mined())]);
      expect([first?.status, second?.status, first?.body.id === second?.body.id]).toEqual([200, 200, true]);
      expect((await report(sidecar, mined({ amount: 1 }))).status).toBe(422);
      expect((await report(sidecar, mined({ from: 1_769_999_999 }))).body.error.code).toBe('already_credited');
      expect((await report(sidecar, mined({ from: 1_770_000_100 }))).status).toBe(409);
      faucet.aheadMs += 31 * 86_400_000;
      expect((await report(sidecar, mined({ worker: 'other' }))).status).toBe(200);
      expect((await report(sidecar, mined())).status).toBe(409);
      expect((await report(sidecar, mined({ from: '2026-02-02T02:50:00Z', to: '2026-02-02T03:00:00Z' }))).status).toBe(
        200,
      );
      await lab.balance(ANDY, 100.375);
    },
    { clockSkewMaxMs: 40 * 86_400_000 },
  );

  test('are reported one by one, and by day', async ({ sidecar }) => {
    const day = 86_400;
    for (const n of [0, 1, 2])
      await report(sidecar, mined({ from: 1_770_000_000 + n * day, to: 1_770_000_600 + n * day, amount: n + 1 }));
    await report(sidecar, mined({ worker: 'bitaxe-2', to: 1_770_000_600, amount: 10 }));
    await report(sidecar, mined({ user: '2-eve', worker: 'bitaxe-3', to: 1_770_000_600 }));
    const { credits } = (await sidecar.get('/v1/miner-credits?user=1-andy')).body;
    expect(credits).toHaveLength(4);
    expect(credits[0]).toMatchObject({
      user: '1-andy',
      miner: 'garage',
      worker: 'bitaxe-1',
      amount: '1',
      difficulty: '1024',
      from: 1_770_000_000,
      to: 1_770_000_600,
    });
    const { days } = (await sidecar.get('/v1/miner-credits?user=1-andy&miner=garage&group=day')).body;
    expect(days.map(({ day, amount, credits }: Record<string, unknown>) => [day, amount, credits])).toEqual([
      ['2026-02-02', '11', 2],
      ['2026-02-03', '2', 1],
      ['2026-02-04', '3', 1],
    ]);
    expect((await sidecar.get('/v1/miner-credits?since=2099-01-01')).body.credits).toEqual([]);
    expect((await sidecar.get('/v1/miner-credits?user=1-andy', jwt('1-andy'))).body.credits).toHaveLength(4);
    expect((await sidecar.get('/v1/miner-credits', jwt('1-andy'))).status).toBe(403);
    expect((await report(sidecar, mined({ amount: -1 }))).status).toBe(400);
  });

  test('are not given for a time that is still to come', async ({ lab, sidecar }) => {
    const now = Math.floor(Date.now() / 1_000);
    const early = await report(sidecar, mined({ from: now, to: now + 7_200 }));
    expect([early.status, early.body.error.code]).toEqual([425, 'too_early']);
    expect(early.body.error.message).toMatch(/^to is \d+ s ahead of this site's clock$/);
    // A clock that is a little ahead keeps nobody waiting.
    expect((await report(sidecar, mined({ from: now, to: now + 600 }))).status).toBe(200);
    await lab.balance(ANDY, 100.125);
  });
});

describe('a statement', () => {
  const list = [{ amount: 50, description: 'Signup', timestamp: 1_770_000_000, date: '2026-02-02 02:40:00' }];
  test(
    'names every change of this site, and what the file tells of the others',
    async ({ lab, hub, sidecar }) => {
      await sidecar.change('1-andy', { amount: 5, source: 'faucet', description: 'Claim' });
      await sidecar.change('1-andy', { amount: -2, source: 'slots_bet' });
      await hub.site.change({ document: ANDY, path: '/balance', amount: '7', source: 'chat', description: 'Tip' });
      await lab.expectBalance(ANDY, 110);
      const { body } = await sidecar.get('/v1/statements/1-andy');
      expect(body).toMatchObject({ user: '1-andy', balance: '110', genesis: '100' });
      expect(body.shares).toEqual(
        expect.arrayContaining([
          { site: 'roflfaucet', added: '5', taken: '2' },
          { site: 'directsponsor', added: '7', taken: '0' },
        ]),
      );
      expect(body.covers).toContain('capped');
      const lines = body.changes.map(({ site, source, description, amount, balance }: Record<string, unknown>) => [
        site,
        source,
        description,
        amount,
        balance,
      ]);
      expect(lines).toHaveLength(4);
      expect(lines).toEqual(
        expect.arrayContaining([
          ['roflfaucet', 'faucet', 'Claim', '5', '105'],
          ['roflfaucet', 'slots_bet', '', '-2', '103'],
          ['directsponsor', '', 'Tip', '7', null],
          ['before joining', '', 'Signup', '50', null],
        ]),
      );
    },
    { content: { balance: 100, recent_transactions: list } },
  );

  test('comes in pages that miss nothing', async ({ sidecar }) => {
    for (let n = 1; n <= 7; n++) await sidecar.change('1-andy', { amount: n, source: 'chat' });
    const amounts: string[] = [];
    let next = '';
    for (let pages = 0; pages < 5; pages++) {
      const { body } = await sidecar.get(`/v1/statements/1-andy?limit=3${next}`);
      amounts.push(...body.changes.map(({ amount }: { amount: string }) => amount));
      if (body.before === undefined) break;
      next = `&before=${body.before}`;
    }
    expect(amounts).toEqual(['7', '6', '5', '4', '3', '2', '1']);
    expect((await sidecar.get('/v1/statements/1-andy', jwt('2-eve'))).status).toBe(403);
  });
});
