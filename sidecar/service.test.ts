/** Profiles, events, and the sidecar as a service: readiness, metrics, description, a stop in good order. */
import http from 'node:http';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect } from 'vitest';
import { labTests } from '../common/testing/lab-tests.js';
import { sleep } from '../common/testing/sites.js';
import { ANDY, sidecarTests } from './testing/sidecar-tests.js';
import { jwt, LabSidecar, SERVICE } from './testing/sidecars.js';

const test = sidecarTests(6);
const BOB = 'profiles/1-andy';
const PROFILE = {
  user_id: '1-andy',
  level: 1,
  username: 'andy',
  display_name: '',
  bio: 'old',
  settings: { notifications: true, theme: 'default' },
  stats: { total_won: 5 },
  roles: ['member'],
};

describe('profiles', () => {
  const patch = (sidecar: LabSidecar, body: unknown, as?: string) =>
    sidecar.ask('/v1/profiles/1-andy', {
      method: 'PATCH',
      body,
      as,
      headers: { 'content-type': 'application/merge-patch+json' },
    });

  test('are changed by merge patch on every site, and keep what was not named', async ({ lab, hub, sidecar }) => {
    hub.write(BOB, PROFILE);
    await lab.same(BOB, PROFILE);
    const { status, body } = await patch(sidecar, { bio: null, display_name: 'Andy', settings: { theme: 'dark' } });
    const { bio, ...rest } = PROFILE;
    const after = { ...rest, display_name: 'Andy', settings: { notifications: true, theme: 'dark' } };
    expect([bio, status, body]).toEqual(['old', 200, { user: '1-andy', profile: after }]);
    await lab.same(BOB, after);
    expect((await sidecar.get('/v1/profiles/1-andy')).body.profile).toEqual(after);
  });

  test('hazard 2: users write what is theirs to write: no role, no level, no profile that is not there', async ({
    lab,
    hub,
    sidecar,
  }) => {
    const andy = jwt('1-andy');
    expect((await patch(sidecar, { bio: 'x' }, andy)).status).toBe(404);
    expect((await sidecar.get('/v1/profiles/1-andy', andy)).status).toBe(404);
    hub.write(BOB, PROFILE);
    await lab.same(BOB, PROFILE);
    for (const bad of [{ roles: ['admin'] }, { level: 99 }, { stats: { total_won: 9 } }, { bio: 'x', email: '' }])
      expect((await patch(sidecar, bad, andy)).status).toBe(403);
    expect((await patch(sidecar, { bio: 'mine' }, andy)).body.profile.bio).toBe('mine');
    await lab.same(BOB, { ...PROFILE, bio: 'mine' });
  });

  test('hazards 2, 3: a new file that is torn or empty is not taken for none', async ({ lab, faucet, sidecar }) => {
    const andy = jwt('1-andy');
    for (const torn of ['', '{"user_id": "1-andy", "lev', '[]']) {
      faucet.write(BOB, torn);
      for (const answer of [
        await sidecar.get('/v1/profiles/1-andy'),
        await sidecar.get('/v1/profiles/1-andy', andy),
        await patch(sidecar, { bio: 'x' }, andy),
      ])
        expect([answer.status, answer.body.error.code, answer.headers.get('retry-after')]).toEqual([
          503,
          'not_ready',
          '1',
        ]);
    }
    faucet.write(BOB, PROFILE);
    expect((await sidecar.get('/v1/profiles/1-andy')).body.profile).toEqual(PROFILE);
    await lab.same(BOB, PROFILE);
  });

  test(
    'cannot outgrow what a file may hold, as PHP would print it',
    async ({ lab, hub, sidecar }) => {
      hub.write(BOB, PROFILE);
      await lab.same(BOB, PROFILE);
      const badges = Array.from({ length: 300 }, (_, n) => `badge-${n}`);
      for (const large of [{ bio: 'é'.repeat(700) }, { roles: badges }]) {
        const { status, body } = await patch(sidecar, large);
        expect([status, body.error.code]).toEqual([413, 'payload_too_large']);
      }
      expect((await sidecar.get('/v1/profiles/1-andy')).body.profile).toEqual(PROFILE);
      expect((await patch(sidecar, { bio: 'e'.repeat(700) })).status).toBe(200);
      await lab.same(BOB, { ...PROFILE, bio: 'e'.repeat(700) });
    },
    { maxFileBytes: 4_096 },
  );

  test('do not grow without end by keys that are added and removed, whoever carries them', async ({
    lab,
    hub,
    faucet,
    sidecar,
  }) => {
    hub.write(BOB, PROFILE);
    await lab.same(BOB, PROFILE);
    const size = () => faucet.store.document(BOB)?.state.length ?? 0;
    const grow = async (as: string): Promise<number> => {
      for (let round = 0; round < 40; round++) {
        const keys = Array.from({ length: 50 }, (_, n) => `${as.slice(-4)}-${round}-${n}`);
        for (const value of [1, null]) {
          const settings = Object.fromEntries(keys.map((key) => [key, value]));
          const { status } = await patch(sidecar, { settings }, as);
          if (status !== 200) return status;
        }
      }
      return 200;
    };
    const andy = jwt('1-andy');
    expect(await grow(andy)).toBe(413);
    expect(size()).toBeGreaterThan(50_000);
    expect(await grow(SERVICE)).toBe(413);
    expect(size()).toBeLessThan(80_000);
    // What makes it no larger is taken, and what no page writes is not counted.
    expect((await patch(sidecar, { bio: '' }, andy)).status).toBe(200);
    expect((await patch(sidecar, { level: 2, stats: { total_won: 6 }, roles: ['member', 'editor'] })).status).toBe(200);
    expect((await sidecar.get('/v1/profiles/1-andy')).body.profile).toMatchObject({ bio: '', level: 2 });
  });

  test(
    'count also what a page may write that is no plain value',
    async ({ lab, hub, sidecar }) => {
      hub.write(BOB, PROFILE);
      await lab.same(BOB, PROFILE);
      const platforms = (round: number) => Array.from({ length: 200 }, (_, n) => `platform-${round}-${n}`);
      const statuses: number[] = [];
      for (let round = 0; round < 10; round++)
        statuses.push((await patch(sidecar, { memberPlatforms: platforms(round) }, jwt('1-andy'))).status);
      expect([statuses[0], statuses.at(-1)]).toEqual([200, 413]);
    },
    { config: { profile_fields: ['memberPlatforms'] } },
  );

  test('must be JSON objects', async ({ sidecar }) => {
    for (const [body, status] of [
      ['[]', 400],
      ['"x"', 400],
      ['{"a":', 400],
      ['', 400],
      ['{"a":NaN}', 400],
    ] as const)
      expect([body, (await patch(sidecar, body)).status]).toEqual([body, status]);
    const xml = { method: 'PATCH', body: '<a/>', headers: { 'content-type': 'text/xml' } };
    expect((await sidecar.ask('/v1/profiles/1-andy', xml)).status).toBe(415);
  });
});

type Event = { readonly id: string; readonly user: string; readonly balance: string };

/** An open stream; `events` grows. */
function listen(sidecar: LabSidecar, url: string, as: string, lastId?: string) {
  const events: Event[] = [];
  let text = '';
  const state = { ended: false, status: 0 };
  const headers = { authorization: `Bearer ${as}`, ...(lastId !== undefined && { 'last-event-id': lastId }) };
  const request = http.get(sidecar.base + url, { headers }, (response) => {
    state.status = response.statusCode ?? 0;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const found = /^id: (.*)\nevent: balance\ndata: (.*)$/.exec(part);
        if (found !== null) events.push({ id: found[1] as string, ...JSON.parse(found[2] as string) });
      }
    });
    response.on('end', () => {
      state.ended = true;
    });
  });
  request.on('error', () => {});
  return { events, state, close: () => request.destroy() };
}

describe('events', () => {
  test('tell a user their balance at once, and whenever it changes, here or elsewhere', async ({
    lab,
    hub,
    sidecar,
  }) => {
    const { events, close } = listen(sidecar, '/v1/events', jwt('1-andy'));
    await lab.until('the balance now', () => events.at(-1)?.balance === '100');
    await sidecar.change('1-andy', { amount: 1, source: 'chat' });
    await sidecar.change('2-eve', { amount: 1, source: 'chat' });
    await lab.until('a change here', () => events.at(-1)?.balance === '101');
    await lab.balance(ANDY, 101);
    hub.credit(ANDY, 9);
    await lab.until('a change elsewhere', () => events.at(-1)?.balance === '110');
    expect(new Set(events.map(({ user }) => user))).toEqual(new Set(['1-andy']));
    close();
  });

  test('go on where a listener left, also after a restart; whose database is gone is told everything', async ({
    lab,
    faucet,
    sidecar,
  }) => {
    const first = listen(sidecar, '/v1/events', SERVICE);
    await lab.until('it listens', () => first.state.status === 200);
    await sidecar.change('1-andy', { amount: 1, source: 'chat' });
    await lab.until('an event', () => first.events.length === 1);
    first.close();
    for (const user of ['2-eve', '3-bob', '2-eve']) await sidecar.change(user, { amount: 2, source: 'chat' });
    await faucet.restart();
    const second = listen(sidecar, '/v1/events', SERVICE, first.events[0]?.id);
    await lab.until('the rest', () => second.events.length >= 2);
    expect(second.events.map(({ user, balance }) => [user, balance])).toEqual([
      ['3-bob', '2'],
      ['2-eve', '4'],
    ]);
    second.close();
    const third = listen(sidecar, '/v1/events', SERVICE, '00000000-99');
    await lab.until('everything', () => third.events.length >= 3);
    expect(new Set(third.events.map(({ user }) => user))).toEqual(new Set(['1-andy', '2-eve', '3-bob']));
    third.close();
  });

  test('of what can be no user are refused, and counted as such', async ({ lab, sidecar }) => {
    const { status, body } = await lab.within(sidecar.get('/v1/events?user=1-a.backup'), 'it is answered', 3_000);
    expect([status, body.error.code]).toEqual([400, 'bad_request']);
    const { body: figures } = await sidecar.get('/metrics', '');
    expect(figures).toMatch(/_count\{.*route="\/v1\/events",status="400".*\} 1/);
    expect(figures).toContain('axle_event_listeners{site="roflfaucet"} 0');
  });

  test(
    'are nobody else’s business',
    async ({ lab, sidecar }) => {
      expect((await sidecar.get('/v1/events', '')).status).toBe(401);
      expect((await sidecar.get('/v1/events?user=2-eve', jwt('1-andy'))).status).toBe(403);
      const { state, close } = listen(sidecar, '/v1/events', SERVICE);
      await lab.until('it listens', () => state.status === 200);
      expect((await sidecar.get('/v1/events')).status).toBe(429);
      close();
    },
    { config: { limits: { event_streams: 1 } } },
  );
});

describe('the service', () => {
  test('ends in good order: what is in hand is answered, streams end, the port is free', async ({ lab, sidecar }) => {
    const { state } = listen(sidecar, '/v1/events', SERVICE);
    await lab.until('it listens', () => state.status === 200);
    // A debit that waits for the hub's rights, which never come.
    lab.fate = () => 'lose';
    const asked = sidecar.change('1-andy', { amount: -60, source: 'bet' });
    await sleep(200);
    const closed = lab.within(sidecar.close(), 'it closes', 6_000);
    expect((await asked).body.error.code).toBe('rights_elsewhere');
    await closed;
    lab.fate = () => 'pass';
    await lab.until('the stream ends', () => state.ended);
    await sidecar.start();
    expect((await sidecar.get('/v1/balances/1-andy')).body.balance).toBe('100');
  });

  test('answers on a unix socket as on its port', async ({ sidecar }) => {
    const status = await new Promise((resolve) => {
      const options = {
        socketPath: sidecar.running.socket,
        path: '/v1/balances/1-andy',
        headers: { authorization: `Bearer ${SERVICE}` },
      };
      http.get(options, (response) => resolve(response.statusCode));
    });
    expect(status).toBe(200);
  });

  test('counts, and describes itself, without naming anybody', async ({ sidecar }) => {
    await sidecar.change('1-andy', { amount: 7777, source: 'chat' });
    await sidecar.change('1-andy', { amount: -999999, source: 'chat' });
    const { body } = await sidecar.get('/metrics', '');
    expect(body).toContain('axle_changes_total{kind="credit",site="roflfaucet"} 1');
    expect(body).toContain('axle_refusals_total{reason="insufficient_funds",site="roflfaucet"} 1');
    expect(body).toMatch(/axle_http_request_duration_seconds_count\{.*route="\/v1\/balances\/:user\/changes".*\} 1/);
    expect(body).not.toMatch(/andy|7777/);
    const forwarded = await sidecar.ask('/metrics', { headers: { 'x-forwarded-for': '192.0.2.1' } });
    expect(forwarded.status).toBe(404);
    const { paths } = (await sidecar.get('/openapi.json', '')).body;
    for (const path of [
      '/v1/balances/{user}',
      '/v1/balances/{user}/changes',
      '/v1/profiles/{user}',
      '/v1/guests/{user}/claim',
      '/v1/miner-credits',
      '/v1/statements/{user}',
      '/v1/events',
    ])
      expect(Object.keys(paths)).toContain(path);
    const docs = (await sidecar.get('/docs', '')).body;
    expect(docs).toContain('POST /v1/balances/{user}/changes');
    for (const text of [paths['/v1/miner-credits'].post.description, docs]) expect(text).toContain('to one site only');
  });

  test('answers what can be no address as it answers every error', async ({ sidecar }) => {
    for (const [address, status, code] of [
      ['/v1/balances/%ff', 400, 'bad_request'],
      [`/v1/balances/${'a'.repeat(300)}`, 400, 'bad_request'],
      ['/v1/nowhere', 404, 'not_found'],
    ] as const) {
      const answer = await sidecar.get(address);
      expect([answer.status, answer.body.error.code]).toEqual([status, code]);
      expect(answer.body.error.message).not.toContain('/');
    }
  });

  test('tells the log what broke, and whoever asked nothing of it', async ({ lab, faucet, sidecar }) => {
    const db = new Database(path.join(faucet.state, 'state.db'));
    const credit = () => sidecar.change('1-andy', { amount: 5, source: 'chat' }, 'claim');
    for (const [table, asks] of [
      ['miner_credits', [() => sidecar.get('/v1/miner-credits')]],
      ['changes', [() => sidecar.get('/v1/statements/1-andy'), credit]],
    ] as const) {
      db.exec(`ALTER TABLE ${table} RENAME TO elsewhere`);
      for (const ask of asks) {
        faucet.log.length = 0;
        const { status, body, headers } = await ask();
        expect([status, body]).toEqual([500, { error: { code: 'internal', message: 'internal error' } }]);
        expect([...headers.values()].join()).not.toMatch(/sql|table/i);
        expect(faucet.log.find(({ event }) => event === 'sidecar request failed')).toMatchObject({
          level: 'error',
          fields: {
            reason: expect.stringContaining(`no such table: ${table}`),
            route: expect.stringMatching(/^\/v1\//),
          },
        });
      }
      db.exec(`ALTER TABLE elsewhere RENAME TO ${table}`);
    }
    db.close();
    expect((await credit()).body).toMatchObject({ balance: '105', replayed: false });
    await lab.expectBalance(ANDY, 105);
  });

  labTests(2)('is not ready before the site is', async (lab) => {
    const faucet = lab.site('roflfaucet');
    const sidecar = await LabSidecar.start(lab, faucet);
    try {
      expect((await sidecar.get('/healthz', '')).status).toBe(200);
      expect(await sidecar.get('/readyz', '')).toMatchObject({ status: 503, body: { ready: false } });
      for (const answer of [
        await sidecar.get('/v1/balances/1-andy'),
        await sidecar.change('1-andy', { amount: 1, source: 'x' }),
      ])
        expect([answer.status, answer.body.error.code, answer.headers.get('retry-after')]).toEqual([
          503,
          'not_ready',
          '2',
        ]);
      await lab.start();
      expect((await sidecar.get('/readyz', '')).status).toBe(200);
      expect((await sidecar.change('1-andy', { amount: 1, source: 'x' })).status).toBe(200);
    } finally {
      await sidecar.close();
    }
  });

  test('says what to do where it cannot start', async ({ lab, faucet, sidecar }) => {
    const { port } = sidecar.running;
    await expect(LabSidecar.start(lab, faucet, { port })).rejects.toMatchObject({
      code: 'AXL-SIDECAR',
      message: expect.stringContaining('EADDRINUSE'),
      hint: expect.stringContaining('another daemon'),
    });
    for (const [secret, message] of [
      ['/nowhere', 'cannot be read'],
      ['/dev/null', 'no secret'],
    ])
      await expect(LabSidecar.start(lab, faucet, { jwt_secret: secret })).rejects.toMatchObject({
        code: 'AXL-JWT',
        message: expect.stringContaining(message as string),
      });
  });

  test('hazard 13: shows and changes nothing of a document that is being rebuilt', async ({
    lab,
    hub,
    faucet,
    sidecar,
  }) => {
    await sidecar.change('1-andy', { amount: 7, source: 'chat' });
    await lab.settled();
    hub.isCut = true;
    const db = new Database(path.join(faucet.state, 'state.db'));
    db.prepare(`UPDATE documents SET state = replace(state, '"7"', '"9"') WHERE name = ?`).run(ANDY);
    db.close();
    for (const answer of [
      await sidecar.get('/v1/balances/1-andy'),
      await sidecar.get('/v1/statements/1-andy'),
      await sidecar.change('1-andy', { amount: 1, source: 'x' }, 'again'),
    ])
      expect([answer.status, answer.body.error.code, answer.headers.get('retry-after')]).toEqual([
        503,
        'not_ready',
        '5',
      ]);
    const { events, close } = listen(sidecar, '/v1/events', jwt('1-andy'));
    await sleep(100);
    expect(events).toEqual([]);
    hub.isCut = false;
    await lab.until('the listener is told', () => events.at(-1)?.balance === '107');
    close();
    expect((await sidecar.change('1-andy', { amount: 1, source: 'x' }, 'again')).body.balance).toBe('108');
    await lab.expectBalance(ANDY, 108);
  });
});

describe('settings that a reload changes in place', () => {
  test('hold from the next request on', async ({ hub, lab, sidecar }) => {
    hub.write(ANDY, { balance: 100 });
    await lab.same(ANDY, { balance: 100 });
    const credit = (amount: number, as: string) => sidecar.change('1-andy', { amount, source: 'slots' }, undefined, as);
    const user = jwt('1-andy');
    expect((await credit(20, SERVICE)).status).toBe(200);
    expect((await credit(20, user)).status).toBe(403);
    sidecar.config.limits.amount_max = 10;
    sidecar.config.sources = { slots: { amount: 5, total: 50, window_s: 60 } };
    expect((await credit(20, SERVICE)).status).toBe(400);
    expect((await credit(5, user)).status).toBe(200);
    sidecar.config.limits.user_per_minute = 1;
    expect((await credit(5, user)).status).toBe(429);
  });
});
