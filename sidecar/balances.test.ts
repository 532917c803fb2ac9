/** Balances over HTTP at real sites. */
import fs from 'node:fs';
import { describe, expect } from 'vitest';
import { HUB, sleep } from '../common/testing/sites.js';
import { ANDY, sidecarTests } from './testing/sidecar-tests.js';
import type { Answer } from './testing/sidecars.js';

const test = sidecarTests(6);
const NEW = 'balances/5-new';

describe('GET /v1/balances/{user}', () => {
  test('says what the file holds, also where it was written just now', async ({ faucet, sidecar }) => {
    expect(await sidecar.get('/v1/balances/1-andy')).toMatchObject({
      status: 200,
      body: { user: '1-andy', balance: '100', known: true },
    });
    faucet.write(ANDY, { balance: 12.5, last_updated: 1764278255 });
    expect((await sidecar.get('/v1/balances/1-andy')).body).toEqual({
      user: '1-andy',
      balance: '12.5',
      known: true,
      last_updated: 1764278255000,
    });
  });

  test('hazard 13: somebody unknown is unknown, not poor', async ({ sidecar }) => {
    expect((await sidecar.get('/v1/balances/77-nobody')).body).toEqual({
      user: '77-nobody',
      balance: '0',
      known: false,
      last_updated: null,
    });
  });

  test('hazards 3, 13: a torn or empty file says nothing: the balance is what it was', async ({ faucet, sidecar }) => {
    for (const torn of ['', '{"balance": 10', '{}', '{"balance": null}']) {
      faucet.write(ANDY, torn);
      expect((await sidecar.get('/v1/balances/1-andy')).body.balance).toBe('100');
    }
  });

  test('hazards 3, 13: a new file that is torn, empty or without an amount is no balance of 0', async ({
    lab,
    faucet,
    sidecar,
  }) => {
    const notReady = (answer: Answer) => {
      expect([answer.status, answer.body.error.code]).toEqual([503, 'not_ready']);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    };
    const spend = () => sidecar.change('5-new', { amount: -20, source: 'bet', clamp: true }, 'bet');
    for (const torn of ['', '{"balance": 50', '{}', '{"balance": null}']) {
      faucet.write(NEW, torn);
      notReady(await sidecar.get('/v1/balances/5-new'));
      notReady(await sidecar.get('/v1/statements/5-new'));
      notReady(await spend());
    }
    fs.symlinkSync(faucet.path(ANDY), faucet.path('balances/6-link'));
    notReady(await sidecar.get('/v1/balances/6-link'));
    faucet.write(NEW, { balance: 50 });
    expect((await sidecar.get('/v1/balances/5-new')).body).toMatchObject({ balance: '50', known: true });
    expect((await spend()).body).toMatchObject({ amount: '-20', balance: '30' });
    await lab.expectBalance(NEW, 30);
  });

  test('hazard 3: a credit does not wait for a file that stays empty: it is made, and the file shows it', async ({
    lab,
    faucet,
    sidecar,
  }) => {
    faucet.write(NEW, '');
    fs.utimesSync(faucet.path(NEW), 1_770_000_000, 1_770_000_000);
    expect((await sidecar.change('5-new', { amount: 5, source: 'chat' })).body.balance).toBe('5');
    expect((await sidecar.get('/v1/balances/5-new')).body).toMatchObject({ balance: '5', known: true });
    await lab.expectBalance(NEW, 5);
  });

  test(
    'hazard 4: an amount inside an object is that amount',
    async ({ sidecar }) => {
      expect((await sidecar.get('/v1/balances/1-andy')).body.balance).toBe('250.75');
    },
    { content: { user_id: '1-andy', balance: { coins: '250.75' } } },
  );
});

describe('POST /v1/balances/{user}/changes', () => {
  test('is answered when it is durable, and shows on every site', async ({ lab, sidecar }) => {
    const { status, body } = await sidecar.change('1-andy', { amount: 7.5, source: 'faucet' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      user: '1-andy',
      amount: '7.5',
      balance: '107.5',
      previous_balance: '100',
      replayed: false,
    });
    expect(Math.abs(body.at - Date.now())).toBeLessThan(60_000);
    await lab.expectBalance(ANDY, 107.5);
  });

  test('hazard 1: credits at two sites and a page that writes the file, all at once, are all there', async ({
    lab,
    hub,
    sidecar,
  }) => {
    const asked = [1, 2, 3, 4, 5].map((amount) => sidecar.change('1-andy', { amount, source: 'chat' }));
    const atHub = hub.site.change({ document: ANDY, path: '/balance', amount: '10' });
    lab.site('clickforcharity').credit(ANDY, 100);
    await Promise.all([...asked, atHub]);
    await lab.expectBalance(ANDY, 225);
  });

  test('hazard 8: asked again under its key, it is answered again and paid once, also at once', async ({
    lab,
    faucet,
    sidecar,
  }) => {
    const ask = () => sidecar.change('1-andy', { amount: '20', source: 'faucet' }, 'claim-1');
    const answers = await Promise.all(Array.from({ length: 20 }, ask));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(answers.filter(({ body }) => !body.replayed)).toHaveLength(1);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    await faucet.restart();
    expect((await ask()).body).toEqual({ ...answers[0]?.body, replayed: true });
    await lab.expectBalance(ANDY, 120);
  });

  test('hazard 8: a key of another request is refused', async ({ sidecar }) => {
    await sidecar.change('1-andy', { amount: 1, source: 'chat' }, 'k');
    for (const other of [
      { amount: 2, source: 'chat' },
      { amount: 1, source: 'faucet' },
      { amount: 1, source: 'chat', description: 'x' },
    ])
      expect(await sidecar.change('1-andy', other, 'k')).toMatchObject({
        status: 422,
        body: { error: { code: 'idempotency_key_reused' } },
      });
    expect((await sidecar.change('2-eve', { amount: 1, source: 'chat' }, 'k')).status).toBe(422);
    // 1 and "1.00" are one amount.
    expect((await sidecar.change('1-andy', { amount: '1.00', source: 'chat' }, 'k')).body.replayed).toBe(true);
  });

  test('a debit beyond the balance is refused with the balance, and again under its key when there is money', async ({
    lab,
    sidecar,
  }) => {
    const ask = () => sidecar.change('1-andy', { amount: -101, source: 'slots_bet' }, 'bet');
    const refused = { status: 409, body: { error: { code: 'insufficient_funds', balance: '100' } } };
    expect(await ask()).toMatchObject(refused);
    await sidecar.change('1-andy', { amount: 50, source: 'chat' });
    expect(await ask()).toMatchObject(refused);
    expect((await sidecar.change('1-andy', { amount: -101, source: 'slots_bet' }, 'bet-2')).status).toBe(200);
    await lab.expectBalance(ANDY, 49);
  });

  test('one whose rights are with a site that is away may be asked again', async ({ lab, faucet, sidecar }) => {
    faucet.isCut = true;
    const ask = () => sidecar.change('1-andy', { amount: -60, source: 'slots_bet' }, 'bet');
    const { status, body, headers } = await ask();
    expect([status, body.error.code, body.error.site, headers.get('retry-after')]).toEqual([
      503,
      'rights_elsewhere',
      'directsponsor',
      '2',
    ]);
    faucet.isCut = false;
    let again = await ask();
    for (let tries = 0; tries < 5 && again.status === 503; tries++) {
      await sleep(1_000);
      again = await ask();
    }
    expect(again).toMatchObject({ status: 200, body: { balance: '40', replayed: false } });
    await lab.expectBalance(ANDY, 40);
  });

  test('hazard 9: a clamped debit takes what is there, and says how much that was', async ({ lab, sidecar }) => {
    const ask = () => sidecar.change('1-andy', { amount: -130, source: 'slots_bet', clamp: true }, 'bet');
    expect((await ask()).body).toMatchObject({ amount: '-100', balance: '0', previous_balance: '100' });
    expect((await ask()).body).toMatchObject({ amount: '-100', replayed: true });
    const nothing = { amount: -0.5, source: 'slots_bet', clamp: true };
    expect((await sidecar.change('1-andy', nothing)).body).toMatchObject({ amount: '0', balance: '0' });
    await lab.expectBalance(ANDY, 0);
  });

  test('amounts are exact, and bounded in size and places', async ({ lab, sidecar }) => {
    for (const amount of [
      0,
      '0',
      '1e3',
      '0.123456789',
      0.1 + 0.2,
      2 ** 53,
      2e9,
      '',
      'x',
      '1,5',
      ' 1',
      '+1',
      null,
      true,
      [1],
    ])
      expect([amount, (await sidecar.change('1-andy', { amount, source: 'chat' })).status]).toEqual([amount, 400]);
    for (const amount of [0.1, '0.2', 1e-8, '0.00000001', '999999.99999998'])
      expect([amount, (await sidecar.change('1-andy', { amount, source: 'chat' })).status]).toEqual([amount, 200]);
    expect((await sidecar.get('/v1/balances/1-andy')).body.balance).toBe('1000100.3');
    await lab.expectBalance(ANDY, 1000100.3);
  });
});

describe('at the hub', () => {
  test(
    'credits show at the spokes, and debits take what spokes have earned as well',
    async ({ lab, faucet, sidecar }) => {
      expect((await sidecar.get('/v1/balances/1-andy')).body).toMatchObject({ balance: '100', known: true });
      const credited = await sidecar.change('1-andy', { amount: 7.5, source: 'chat' }, 'tip');
      expect([credited.status, credited.body.balance]).toEqual([200, '107.5']);
      await lab.expectBalance(ANDY, 107.5);
      faucet.credit(ANDY, 50);
      await lab.balance(ANDY, 157.5);
      const debited = await sidecar.change('1-andy', { amount: -150, source: 'shop' });
      expect([debited.status, debited.body.balance]).toEqual([200, '7.5']);
      expect(await sidecar.change('1-andy', { amount: -8, source: 'shop' })).toMatchObject({
        status: 409,
        body: { error: { code: 'insufficient_funds', balance: '7.5' } },
      });
      expect((await sidecar.change('1-andy', { amount: 7.5, source: 'chat' }, 'tip')).body.replayed).toBe(true);
      await lab.expectBalance(ANDY, 7.5);
      const { changes } = (await sidecar.get('/v1/statements/1-andy')).body;
      expect(changes.map(({ site, amount }: Record<string, unknown>) => [site, amount])).toEqual([
        [HUB, '-150'],
        [HUB, '7.5'],
      ]);
    },
    { at: HUB },
  );
});
