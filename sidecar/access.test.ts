/** Who may do what: service tokens, users, rules for what users credit themselves, pages of other sites. */
import fs from 'node:fs';
import { describe, expect } from 'vitest';
import { hashToken, readTokens, writeTokens } from '../common/runtime/tokens.js';
import { sleep } from '../common/testing/sites.js';
import { SIDECAR_TOKENS, type Token } from './access/tokens.js';
import { ANDY, sidecarTests } from './testing/sidecar-tests.js';
import { jwt, READER, SECRET, SERVICE } from './testing/sidecars.js';

const test = sidecarTests(6);
const USER = '/v1/balances/1-andy';
const FAUCET = { sources: { faucet: { amount: 20, total: 40, window_s: 300 } } };

describe('service tokens', () => {
  test('hazard 11: without one, or with a wrong one, nobody gets anything', async ({ lab, sidecar }) => {
    for (const as of ['', 'axle_wrong', 'axle_', 'x', jwt('1-andy', {}, 'another secret of somebody')]) {
      const answer = await sidecar.get(USER, as);
      expect(answer.status).toBe(401);
      expect(JSON.stringify(answer.body)).not.toMatch(/100|andy/);
      expect((await sidecar.change('1-andy', { amount: 1, source: 'chat' }, 'k', as)).status).toBe(401);
    }
    await lab.expectBalance(ANDY, 100);
  });

  test('do what their scopes say and no more', async ({ sidecar }) => {
    expect((await sidecar.get(USER, READER)).status).toBe(200);
    expect((await sidecar.change('1-andy', { amount: 1, source: 'chat' }, 'k', READER)).status).toBe(403);
    expect((await sidecar.get('/v1/profiles/1-andy', READER)).status).toBe(403);
    expect((await sidecar.get('/v1/miner-credits', READER)).status).toBe(403);
  });

  test('hazard 8: under a new secret of theirs, what was asked under the former one is not paid again', async ({
    lab,
    sidecar,
  }) => {
    const file = sidecar.config.tokens;
    const ask = (as: string) => sidecar.change('1-andy', { amount: 5, source: 'chat' }, 'claim', as);
    expect((await ask(SERVICE)).body.replayed).toBe(false);
    const [php] = readTokens(file, SIDECAR_TOKENS);
    writeTokens(file, [...readTokens(file, SIDECAR_TOKENS), { ...(php as Token), sha256: hashToken('axle_rotated') }]);
    await sleep(1_100);
    for (const as of ['axle_rotated', SERVICE])
      expect((await ask(as)).body).toMatchObject({ balance: '105', replayed: true });
    await lab.expectBalance(ANDY, 105);
  });

  test('may be changed while the site runs; an open or damaged file changes nothing', async ({ sidecar, faucet }) => {
    const file = sidecar.config.tokens;
    const before = readTokens(file, SIDECAR_TOKENS);
    const added = { name: 'new', sha256: hashToken('axle_new'), scopes: ['balances:read' as const], created: '2026' };
    writeTokens(file, [added]);
    await sleep(1_100);
    expect((await sidecar.get(USER, 'axle_new')).status).toBe(200);
    expect((await sidecar.get(USER)).status).toBe(401);
    writeTokens(file, before);
    fs.chmodSync(file, 0o644);
    await sleep(1_100);
    expect((await sidecar.get(USER)).status).toBe(401);
    expect(faucet.logged('AXL-TOKENS')).toBe(true);
    fs.chmodSync(file, 0o640);
    await sleep(1_100);
    expect((await sidecar.get(USER)).status).toBe(200);
    expect(fs.readFileSync(file, 'utf8')).not.toContain('axle_');
  });
});

describe('users', () => {
  test('see and spend their own, by header or cookie', async ({ lab, sidecar }) => {
    const andy = jwt('1-andy');
    expect((await sidecar.get(USER, andy)).body.balance).toBe('100');
    const cookie = { cookie: `a=b; jwt=${andy}; c=d` };
    expect((await sidecar.ask(USER, { as: '', headers: cookie })).body.balance).toBe('100');
    expect((await sidecar.change('1-andy', { amount: -30, source: 'slots_bet' }, 'k', andy)).status).toBe(200);
    await lab.expectBalance(ANDY, 70);
  });

  test('hazard 11: have no access to anybody else, however their names are cut', async ({ sidecar }) => {
    for (const user of ['2-eve', '1-andy-x', '1-and', '11-andy', '1'])
      expect((await sidecar.get(USER, jwt(user))).status, user).toBeGreaterThanOrEqual(401);
    // 1 with andy-x must not be 1-andy with x.
    expect((await sidecar.get(USER, jwt('1-andy', { sub: '1-andy', username: '' }))).status).toBe(401);
    expect((await sidecar.get('/v1/balances/1-andy-x', jwt('1', { sub: '1-andy', username: 'x' }))).status).toBe(401);
  });

  test('are known by HS256 with all claims, and by nothing else', async ({ sidecar }) => {
    const now = Math.floor(Date.now() / 1000);
    const bad = {
      none: jwt('1-andy', {}, SECRET, 'none'),
      HS512: jwt('1-andy', {}, SECRET, 'HS512'),
      'another secret': jwt('1-andy', {}, 'something else entirely here'),
      expired: jwt('1-andy', { exp: now - 60 }),
      'from tomorrow': jwt('1-andy', { nbf: now + 86_400 }),
      'without exp': jwt('1-andy', { exp: undefined }),
      'without iss': jwt('1-andy', { iss: undefined }),
      'without sub': jwt('1-andy', { sub: undefined }),
      'without username': jwt('1-andy', { username: undefined }),
      'a path for a name': jwt('1-andy', { username: '../2-eve' }),
      'an object for a name': jwt('1-andy', { username: {} }),
      cut: jwt('1-andy').slice(0, -2),
      'without a signature': `${jwt('1-andy').split('.').slice(0, 2).join('.')}.`,
    };
    for (const [what, token] of Object.entries(bad))
      expect([what, (await sidecar.get(USER, token)).status]).toEqual([what, 401]);
    expect((await sidecar.get(USER, jwt('1-andy', { sub: 1 }))).status).toBe(200);
  });

  test(
    'credit themselves only from sources with a rule, up to its caps, also at once and after a restart',
    async ({ lab, faucet, sidecar }) => {
      const andy = jwt('1-andy');
      const credit = (amount: number, source: string, key: string) =>
        sidecar.change('1-andy', { amount, source }, key, andy);
      expect((await credit(1, 'slots_win', 'a')).status).toBe(403);
      expect((await credit(1, '__proto__', 'a2')).status).toBeGreaterThanOrEqual(400);
      expect((await credit(1, 'constructor', 'a3')).status).toBe(403);
      expect((await credit(21, 'faucet', 'b')).status).toBe(403);
      const many = await Promise.all(['c', 'd', 'e', 'f', 'g'].map((key) => credit(20, 'faucet', key)));
      expect(many.map(({ status }) => status).sort()).toEqual([200, 200, 429, 429, 429]);
      expect(many.find(({ status }) => status === 429)?.headers.get('retry-after')).not.toBeNull();
      await faucet.restart();
      expect((await credit(1, 'faucet', 'h')).status).toBe(429);
      // What PHP credits is its own affair.
      expect((await sidecar.change('1-andy', { amount: 500, source: 'faucet' })).status).toBe(200);
      faucet.aheadMs += 301_000;
      expect((await credit(20, 'faucet', 'i')).status).toBe(200);
      await lab.expectBalance(ANDY, 660);
    },
    { config: FAUCET, clockSkewMaxMs: 3_600_000 },
  );

  test('cannot clamp, and cannot have the answers of somebody else’s keys', async ({ sidecar }) => {
    const bet = { amount: -1, source: 'slots_bet' };
    expect((await sidecar.change('1-andy', { ...bet, clamp: true }, 'x', jwt('1-andy'))).status).toBe(403);
    expect((await sidecar.change('1-andy', bet, 'k')).body.replayed).toBe(false);
    expect((await sidecar.change('1-andy', bet, 'k', jwt('1-andy'))).body.replayed).toBe(false);
  });
});

describe('pages', () => {
  const config = { cors: ['https://roflfaucet.example'] };
  test(
    'of other sites are told nothing by a browser, and cannot write with its cookie',
    async ({ sidecar }) => {
      const cookie = `jwt=${jwt('1-andy')}`;
      const from = (origin: string) =>
        sidecar.ask(`${USER}/changes`, {
          method: 'POST',
          as: '',
          body: { amount: -1, source: 'slots_bet' },
          headers: { origin, cookie, 'idempotency-key': origin.slice(8) },
        });
      const good = await from('https://roflfaucet.example');
      expect([good.status, good.headers.get('access-control-allow-origin')]).toEqual([
        200,
        'https://roflfaucet.example',
      ]);
      const bad = await from('https://evil.example');
      expect([bad.status, bad.headers.get('access-control-allow-origin')]).toEqual([403, null]);
      const preflight = await sidecar.ask(`${USER}/changes`, {
        method: 'OPTIONS',
        as: '',
        headers: { origin: 'https://roflfaucet.example', 'access-control-request-method': 'POST' },
      });
      expect([preflight.status, preflight.headers.get('access-control-allow-credentials')]).toEqual([204, 'true']);
    },
    { config },
  );
});

describe('without identity', () => {
  test(
    'everybody is who they say, and every start warns of it',
    async ({ lab, faucet, sidecar }) => {
      const warnings = () => faucet.log.filter(({ fields }) => fields.code === 'AXL-NO-IDENTITY').length;
      expect(warnings()).toBe(1);
      await sidecar.close();
      await sidecar.start();
      expect(warnings()).toBe(2);
      expect((await sidecar.get(USER, '')).body.balance).toBe('100');
      expect((await sidecar.change('1-andy', { amount: -30, source: 'bet' }, 'k', '')).status).toBe(200);
      expect((await sidecar.change('1-andy', { amount: 30, source: 'bet' }, 'l', '')).status).toBe(403);
      // Credentials that are sent must still be good.
      expect((await sidecar.get(USER, 'axle_wrong')).status).toBe(401);
      expect((await sidecar.get('/v1/miner-credits', '')).status).toBe(401);
      await lab.expectBalance(ANDY, 70);
    },
    { config: { identity: 'off' } },
  );
});

describe('limits', () => {
  test(
    'count each user alone, and say when to come back',
    async ({ sidecar }) => {
      const andy = jwt('1-andy');
      for (let n = 0; n < 5; n++) expect((await sidecar.get(USER, andy)).status).toBe(200);
      const { status, body, headers } = await sidecar.get(USER, andy);
      expect([status, body.error.code, Number(headers.get('retry-after')) > 0]).toEqual([429, 'rate_limited', true]);
      expect((await sidecar.get('/v1/balances/2-eve', jwt('2-eve'))).status).toBe(200);
      expect((await sidecar.get(USER)).status).toBe(200);
      for (let n = 0; n < 20; n++) expect((await sidecar.get('/readyz', '')).status).toBe(200);
    },
    { config: { limits: { user_per_minute: 5 } } },
  );
});
