/** The drop-in endpoints under PHP's own web server, against the sidecar's contract and everything that can go wrong with it. */
import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ContractServer, type Mishap } from './testing/contract-server.js';
import { missingForPhp, PhpSite } from './testing/php.js';

const missing = missingForPhp();
const USER = '1-andy';

describe.skipIf(missing !== undefined)(`endpoints${missing === undefined ? '' : `: skipped, ${missing}`}`, () => {
  let site: PhpSite;
  let sidecar: ContractServer;
  let address: string;

  beforeAll(async () => {
    site = new PhpSite();
    sidecar = new ContractServer(site.socket);
    address = await site.serve();
  });
  afterAll(async () => {
    await sidecar?.stop();
    await site?.stop();
  });
  beforeEach(async () => {
    await sidecar.stop();
    await sidecar.start();
    sidecar.next();
    sidecar.balances.clear();
    sidecar.profiles.clear();
    sidecar.seen.length = 0;
    site.configure({});
    for (const kind of ['balances', 'profiles', '.axle/bridge']) {
      fs.rmSync(path.join(site.userdata, kind), { recursive: true, force: true });
      fs.mkdirSync(path.join(site.userdata, kind));
    }
  });

  type Reply = { readonly status: number; readonly body: Record<string, unknown>; readonly response: Response };

  async function raw(url: string, init: RequestInit = {}): Promise<{ response: Response; text: string }> {
    const response = await fetch(`${address}/${url}`, init);
    return { response, text: await response.text() };
  }

  async function call(url: string, init: RequestInit = {}): Promise<Reply> {
    const { response, text } = await raw(url, init);
    return { status: response.status, body: text === '' ? {} : JSON.parse(text), response };
  }

  const post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
    call(url, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });

  const write = (change: object, headers?: Record<string, string>): Promise<Reply> =>
    post('write_balance.php', { user_id: USER, source: 'faucet', server_id: 'roflfaucet', ...change }, headers);

  const read = (user = USER): Promise<Reply> => call(`get_balance.php?user_id=${encodeURIComponent(user)}`);
  const put = (text: string): void => fs.writeFileSync(site.fileOf(`balances/${USER}`), text);
  const file = (): string => fs.readFileSync(site.fileOf(`balances/${USER}`), 'utf8');
  const keys = (): (string | undefined)[] => [...new Set(sidecar.seen.map(({ key }) => key))];

  describe('claim_guest.php', () => {
    it('asks for a list', async () => {
      for (const transactions of [undefined, 'x', { a: 1 }])
        expect((await post('claim_guest.php', { user_id: USER, transactions })).status).toBe(400);
      expect((await post('claim_guest.php', { user_id: '../x', transactions: [] })).status).toBe(400);
      expect(sidecar.seen).toEqual([]);
    });

    it('credits nothing while the sidecar is away', async () => {
      await sidecar.stop();
      const { status, body } = await post('claim_guest.php', { user_id: USER, transactions: [{ id: '1' }] });
      expect([status, body.success, body.details]).toEqual([500, false, 'the sidecar is away']);
      expect(fs.existsSync(site.fileOf(`balances/${USER}`))).toBe(false);
    });
  });

  describe('write_balance.php', () => {
    it('answers as the sites do', async () => {
      sidecar.balances.set(USER, 100);
      const { status, body, response } = await write({ net_change: 20.5 });
      expect(status).toBe(200);
      expect(body).toMatchObject({
        success: true,
        balance: 120.5,
        previous_balance: 100,
        amount: 20.5,
        net_change: 20.5,
        timestamp: 1_770_000_000,
      });
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(JSON.parse(sidecar.seen[0]?.body ?? '')).toEqual({ amount: '20.5', source: 'faucet' });
    });

    it('hazard 9: takes what is there when a net change is more, and keeps fractions exact', async () => {
      sidecar.balances.set(USER, 10);
      const { body } = await write({ net_change: -15, source: 'slots_bet' });
      expect(body).toMatchObject({ success: true, balance: 0, amount: -10 });
      await write({ net_change: 0.1 + 0.2 });
      await post('write_balance.php', `{"user_id":"${USER}","net_change":123456789012.12345678}`);
      const amounts = sidecar.seen.map((one) => JSON.parse(one.body).amount);
      expect(amounts).toEqual(['-15', '0.3', '123456789012.12345678']);
    });

    it.each<{ mishaps: Mishap[] }>([
      { mishaps: ['dies after'] },
      { mishaps: ['hangs after'] },
      { mishaps: ['garbage after'] },
      { mishaps: ['truncates after'] },
      { mishaps: ['500 after'] },
      { mishaps: ['dies after', 'hangs after', '429'] },
      { mishaps: ['hangs', '503'] },
      { mishaps: ['429', 'dies after'] },
    ])('hazard 8: pays once: $mishaps', async ({ mishaps }) => {
      // Where the sidecar asks for two seconds, the endpoint must have the time.
      site.configure({ total_ms: 4_000 });
      sidecar.balances.set(USER, 100);
      put('{"balance":100}');
      sidecar.next(...mishaps);
      const { status, body } = await write({ net_change: 5 });
      expect([status, body.success, body.balance]).toEqual([200, true, 105]);
      expect(sidecar.balances.get(USER)).toBe(105);
      expect(file()).toBe('{"balance":100}');
      expect(sidecar.seen).toHaveLength(mishaps.length + 1);
      expect(keys()).toHaveLength(1);
    });

    it('takes all or nothing where the page says so', async () => {
      sidecar.balances.set(USER, 10);
      const { status, body } = await write({ net_change: -15, source: 'slots_bet', clamp: false });
      expect([status, body]).toEqual([409, { success: false, error: 'Insufficient balance', balance: 10 }]);
      expect(sidecar.balances.get(USER)).toBe(10);
    });

    it('hazard 8: a debit that was refused stays refused under its key, whatever has come in since', async () => {
      sidecar.balances.set(USER, 10);
      const spend = (key: string): Promise<Reply> =>
        write({ net_change: -15, source: 'slots_bet', clamp: false, idempotency_key: key });
      expect((await spend('page-4')).status).toBe(409);
      sidecar.balances.set(USER, 100);
      expect((await spend('page-4')).status).toBe(409);
      expect((await spend('page-5')).body.balance).toBe(85);
    });

    it('hazard 8: says that an outcome is unknown, never pays another way, and pays once in the end', async () => {
      sidecar.balances.set(USER, 100);
      put('{"balance":100}');
      sidecar.next(...Array<Mishap>(20).fill('hangs after'));
      const unknown = await write({ net_change: 5, idempotency_key: 'page-1' });
      expect([unknown.status, unknown.body.success]).toEqual([500, false]);
      expect(unknown.body.details).toMatch(/outcome unknown/);
      expect(unknown.body).not.toHaveProperty('balance');
      await sidecar.stop();
      const away = await write({ net_change: 5, idempotency_key: 'page-1' });
      expect([away.status, away.body.details]).toEqual([500, unknown.body.details]);
      expect(file()).toBe('{"balance":100}');
      await sidecar.start();
      sidecar.next();
      const back = await write({ net_change: 5, idempotency_key: 'page-1' });
      expect([back.status, back.body.balance]).toEqual([200, 105]);
      expect(sidecar.balances.get(USER)).toBe(105);
      expect(keys()).toEqual(['page-1']);
    });

    it('hazard 8: does not write the file when the sidecar dies between two tries', async () => {
      sidecar.balances.set(USER, 100);
      put('{"balance":100}');
      sidecar.next(...Array<Mishap>(20).fill('hangs after'));
      const reply = write({ net_change: 5 });
      await expect.poll(() => sidecar.seen.length).toBe(2);
      await sidecar.stop();
      expect((await reply).body.details).toMatch(/outcome unknown/);
      expect(file()).toBe('{"balance":100}');
      expect(sidecar.balances.get(USER)).toBe(105);
    });

    it('writes the file when nobody is there, and what it wrote is not paid again later', async () => {
      put('{"balance":100}');
      await sidecar.stop();
      const first = await write({ net_change: 5 }, { 'Idempotency-Key': 'page-2' });
      expect([first.status, first.body.balance]).toEqual([200, 105]);
      await sidecar.start();
      const again = await write({ net_change: 5 }, { 'Idempotency-Key': 'page-2' });
      expect([again.status, again.body.balance]).toEqual([200, 105]);
      expect(JSON.parse(file()).balance).toBe(105);
      expect(sidecar.seen).toEqual([]);
    });

    it('what the sidecar has answered is not paid again by the file when it is away', async () => {
      sidecar.balances.set(USER, 100);
      put('{"balance":100}');
      expect((await write({ net_change: 5, idempotency_key: 'page-3' })).body.balance).toBe(105);
      await sidecar.stop();
      // The page did not get the answer.
      expect((await write({ net_change: 5, idempotency_key: 'page-3' })).body.details).toMatch(/outcome unknown/);
      expect(file()).toBe('{"balance":100}');
    });

    it('a socket that nobody listens on any more is nobody', async () => {
      put('{"balance":100}');
      await sidecar.stop();
      const dead = new ContractServer(site.socket);
      await dead.start();
      fs.linkSync(site.socket, `${site.socket}.kept`);
      await dead.stop();
      fs.renameSync(`${site.socket}.kept`, site.socket);
      expect((await write({ net_change: 5 })).body.balance).toBe(105);
      site.configure({ sidecar: 'http://127.0.0.1:1' });
      expect((await write({ net_change: 5 })).body.balance).toBe(110);
    });

    it.each<[Mishap, number, string]>([
      ['429', 429, 'rate_limited'],
      ['503', 503, 'rights_elsewhere'],
      ['401', 500, 'unauthorized'],
    ])('passes a lasting %s on, and writes nothing', async (mishap, status, details) => {
      put('{"balance":100}');
      sidecar.next(...Array<Mishap>(50).fill(mishap));
      const reply = await write({ net_change: 5 });
      expect([reply.status, reply.body.success, reply.body.details]).toEqual([status, false, details]);
      expect(reply.response.headers.has('retry-after')).toBe(mishap !== '401');
      expect(file()).toBe('{"balance":100}');
      expect(sidecar.balances.size).toBe(0);
    });

    it('refuses a key that stands for another request', async () => {
      sidecar.balances.set(USER, 100);
      await write({ net_change: 5, idempotency_key: 'k' });
      expect((await write({ net_change: 6, idempotency_key: 'k' })).status).toBe(422);
      expect(sidecar.balances.get(USER)).toBe(105);
    });

    it('takes any text for a source, as the sites do', async () => {
      await write({ net_change: 5, source: 'PTC task (complete)!', description: 'é'.repeat(300) });
      await write({ net_change: 5, source: { x: 1 } });
      const [first, second] = sidecar.seen.map((one) => JSON.parse(one.body));
      expect(first).toEqual({ amount: '5', source: 'PTC_task_complete', description: 'é'.repeat(200) });
      expect(second).toEqual({ amount: '5', source: 'unknown' });
    });

    it('adds nothing for a net change of 0', async () => {
      sidecar.balances.set(USER, 100);
      expect((await write({ net_change: 0 })).body).toMatchObject({ success: true, balance: 100, net_change: 0 });
      expect(sidecar.seen.map(({ method }) => method)).toEqual(['GET']);
    });

    it.each([
      ['no JSON', 'net_change=5'],
      ['an empty body', ''],
      ['a list', '[]'],
      ['too much', JSON.stringify({ user_id: USER, net_change: 5, source: 'x'.repeat(70_000) })],
      ['no user', { net_change: 5 }],
      ['no change', { user_id: USER }],
      ['a change of null', { user_id: USER, net_change: null }],
      ['no number', { user_id: USER, net_change: 'five' }],
      ['an object', { user_id: USER, net_change: { amount: 5 } }],
      ['far too much', { user_id: USER, net_change: 1e30 }],
      ['a user of another kind', { user_id: { id: 1 }, net_change: 5 }],
      ['hazard 11: a climbing path', { user_id: '../balances/1-andy', net_change: 5 }],
      ['hazard 11: a slash behind', { user_id: '1-andy/../2-bob', net_change: 5 }],
      ['a newline behind', { user_id: '1-andy\n', net_change: 5 }],
      ['hazard 6: a conflict file', { user_id: '1-andy_sync-conflict-20260101-000000-ABCDEFG', net_change: 5 }],
      ['a bad key', { user_id: USER, net_change: 5, idempotency_key: 'a b' }],
    ])('answers 400 to %s', async (_, body) => {
      const reply = await post('write_balance.php', body);
      expect([reply.status, reply.body.success]).toEqual([400, false]);
      expect(reply.body.error).toEqual(expect.any(String));
      expect(sidecar.seen).toEqual([]);
      expect(fs.readdirSync(path.join(site.userdata, 'balances'))).toEqual([]);
    });

    it('says in the log, once an hour, that anybody can write', async () => {
      const said = (): number => site.log.split('WITHOUT identity').length - 1;
      const before = said();
      await write({ net_change: 5 });
      await write({ net_change: 5 });
      await expect.poll(said).toBe(before + 1);
      const marker = path.join(site.userdata, '.axle/bridge/without-identity');
      const past = Date.now() / 1000 - 3_601;
      fs.utimesSync(marker, past, past);
      await write({ net_change: 5 });
      await expect.poll(said).toBe(before + 2);
    });

    it('knows POST and OPTIONS only', async () => {
      expect((await call('write_balance.php')).status).toBe(405);
      expect((await call('write_balance.php', { method: 'OPTIONS' })).status).toBe(200);
    });
  });

  describe('get_balance.php', () => {
    it('answers as the sites do', async () => {
      sidecar.balances.set(USER, 12.5);
      expect((await read()).body).toMatchObject({
        success: true,
        balance: 12.5,
        last_updated: 1_770_000_000,
        user_id: USER,
      });
      expect((await read('2-new')).body).toMatchObject({ success: true, balance: 0, known: false, last_updated: null });
    });

    it.each<Mishap>(['hangs', '500 after', 'garbage after', '503', '401'])(
      'reads the file when it %s',
      async (mishap) => {
        put('{"balance":{"coins":7},"last_updated":"2026-01-06T04:43:46+00:00"}');
        sidecar.next(mishap);
        expect((await read()).body).toMatchObject({
          success: true,
          balance: 7,
          known: true,
          last_updated: '2026-01-06T04:43:46+00:00',
        });
      },
    );

    it.each(['', '{"balance":1', '{"user_id":"1-andy"}'])(
      'hazard 13: a file of %j is an error, never 0',
      async (text) => {
        put(text);
        await sidecar.stop();
        const { status, body } = await read();
        expect([status, body.success]).toEqual([500, false]);
        expect(body).not.toHaveProperty('balance');
        expect(JSON.stringify(body)).not.toContain(site.userdata);
      },
    );

    it('hazard 13: a folder that is not there is an error, never 0', async () => {
      await sidecar.stop();
      const moved = `${site.userdata}.moved`;
      fs.renameSync(site.userdata, moved);
      try {
        for (const { status, body } of [
          await read(),
          await call(`simple-profile.php?action=profile&user_id=${USER}`),
        ]) {
          expect([status, body.success, body.details]).toEqual([500, false, 'the file cannot be read']);
          expect(Object.keys(body)).toEqual(['success', 'error', 'details']);
        }
        expect((await call('simple-profile.php?action=profile&user_id=andy')).status).toBe(500);
        expect((await write({ net_change: 5 })).status).toBe(500);
      } finally {
        fs.renameSync(moved, site.userdata);
      }
    });

    it('hazard 2: reading makes no file', async () => {
      await sidecar.stop();
      expect((await read()).body).toMatchObject({ success: true, balance: 0, known: false, last_updated: null });
      await call(`simple-profile.php?action=profile&user_id=${USER}`);
      expect(fs.readdirSync(path.join(site.userdata, 'balances'))).toEqual([]);
      expect(fs.readdirSync(path.join(site.userdata, 'profiles'))).toEqual([]);
    });

    it.each(['', '../x', '1-a/b', 'andy', '1-', '1-a.backup', '1-a.sync-conflict-20260101', `1-${'a'.repeat(101)}`])(
      'answers 400 to the user %j',
      async (user) => {
        expect((await read(user)).status).toBe(400);
      },
    );

    it.each(['7-j.doe', '7-.x', '3-lightninglova-r', '1-andy_2', `123456789012345678-${'a'.repeat(100)}`])(
      'hazard 6: knows %s by just that name',
      async (user) => {
        sidecar.balances.set(user, 3);
        expect((await read(user)).body).toMatchObject({ success: true, balance: 3, user_id: user });
        expect((await write({ user_id: user, net_change: 5 })).body).toMatchObject({ success: true, balance: 8 });
        await sidecar.stop();
        expect((await write({ user_id: user, net_change: 5 })).body).toMatchObject({ success: true, user_id: user });
        expect(fs.readdirSync(path.join(site.userdata, 'balances'))).toEqual([`${user}.txt`]);
      },
    );
  });

  describe('simple-profile.php', () => {
    const profile = { user_id: USER, username: 'andy', level: 3, stats: { total_claims: 4 }, roles: ['member'] };
    const get = (): Promise<Reply> => call(`simple-profile.php?action=profile&user_id=${USER}`);
    const update = (action: string, body: object): Promise<Reply> =>
      post(`simple-profile.php?action=${action}`, { user_id: USER, ...body });

    it('answers in the envelope of either site', async () => {
      sidecar.profiles.set(USER, profile);
      const rofl = (await get()).body;
      expect(rofl).toMatchObject({ success: true, profile: { ...profile, avatar: '👤' } });
      site.configure({ envelope: 'user' });
      expect((await get()).body).toEqual({ success: true, user: profile });
      sidecar.profiles.clear();
      expect((await get()).status).toBe(404);
    });

    it('updates what a user may write', async () => {
      sidecar.profiles.set(USER, profile);
      const { body } = await update('update_profile', { bio: 'hello', roles: ['admin'], level: 12 });
      expect(body).toMatchObject({ success: true, profile: { bio: 'hello', roles: ['member'], level: 3 } });
      expect((await update('update_level', { level: 5 })).body).toMatchObject({ success: true, new_level: 5 });
      expect((await update('update_level', { level: 13 })).status).toBe(400);
      const stats = await update('update_stats', { total_claims: 1.5, total_won: -3, roles: 2 });
      expect(stats.body).toMatchObject({ success: true, stats: { total_claims: 5.5 } });
      expect((await update('manage_roles', {})).status).toBe(400);
    });

    it('opens and keeps an object that is empty', async () => {
      const empty = { ...profile, settings: {}, stats: { total_claims: 4, more: {} }, skippedTasks: [] };
      const ways = [async () => sidecar.profiles.set(USER, empty), () => sidecar.stop()];
      fs.writeFileSync(site.fileOf(`profiles/${USER}`), JSON.stringify(empty));
      for (const way of ways) {
        await way();
        const { text } = await raw(`simple-profile.php?action=profile&user_id=${USER}`);
        expect(text).toContain('"settings":{}');
        expect(text).toContain('"more":{}');
        expect(text).toContain('"skippedTasks":[]');
        const { body } = await update('update_profile', { settings: {}, bio: 'x' });
        expect(body).toMatchObject({ profile: { settings: {}, bio: 'x' } });
        expect(Array.isArray((body.profile as { settings: unknown }).settings)).toBe(false);
      }
      // It empties nothing either: a merge patch.
      await update('update_profile', { settings: { theme: 'dark' } });
      await update('update_profile', { settings: {} });
      expect(JSON.parse(fs.readFileSync(site.fileOf(`profiles/${USER}`), 'utf8')).settings).toEqual({ theme: 'dark' });
      expect(sidecar.profiles.get(USER)?.settings).toEqual({});
    });

    it('hazard 2: begins no profile for a user who has none', async () => {
      expect((await update('update_profile', { bio: 'x' })).status).toBe(404);
      expect((await update('update_stats', { total_claims: 1 })).status).toBe(404);
      expect(sidecar.profiles.size).toBe(0);
    });

    it('writes the file when nobody is there, but makes none up', async () => {
      await sidecar.stop();
      expect((await update('update_profile', { bio: 'x' })).status).toBe(404);
      fs.writeFileSync(site.fileOf(`profiles/${USER}`), JSON.stringify(profile));
      expect((await update('update_level', { level: 4 })).body).toMatchObject({ success: true, new_level: 4 });
      expect(JSON.parse(fs.readFileSync(site.fileOf(`profiles/${USER}`), 'utf8'))).toMatchObject({
        ...profile,
        level: 4,
      });
    });
  });

  describe('with identity', () => {
    const SECRET = 'a secret of the auth server';
    const token = (claims: object, secret = SECRET, alg = 'HS256'): string => {
      const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      const text = `${part({ typ: 'JWT', alg })}.${part(claims)}`;
      return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
    };
    const claims = { sub: '1', username: 'andy', exp: Math.floor(Date.now() / 1000) + 3600 };
    const init = (jwt: string): Promise<Reply> => post('session-init.php', { user_id: USER, username: 'andy', jwt });

    beforeEach(() => {
      const file = path.join(site.folder, 'jwt-secret');
      fs.writeFileSync(file, `${SECRET}\n`);
      site.configure({ identity: 'session', jwt_secret_file: file });
    });

    /** The cookie of a session of this user. */
    async function session(user = USER, headers: Record<string, string> = {}): Promise<string> {
      const [sub = '', username = ''] = [user.split('-')[0], user.slice(user.indexOf('-') + 1)];
      const body = { user_id: user, username, jwt: token({ ...claims, sub, username }) };
      const { status, response } = await post('session-init.php', body, headers);
      expect(status).toBe(200);
      return response.headers.getSetCookie().at(-1) ?? '';
    }

    it('writes for the user of the session, and not where the request names another', async () => {
      const { status, body, response } = await init(token(claims));
      expect([status, body]).toEqual([200, { success: true }]);
      const cookie = response.headers.getSetCookie().at(-1)?.split(';')[0] ?? '';
      const other = await write({ net_change: 5, user_id: '2-bob' }, { cookie });
      expect([other.status, other.body.success]).toEqual([401, false]);
      const reply = await write({ net_change: 5 }, { cookie });
      expect(reply.body).toMatchObject({ success: true, balance: 5, user_id: USER });
      expect([...sidecar.balances]).toEqual([[USER, 5]]);
    });

    it.each<[string, unknown, number]>([
      ['1-andy', '1', 200],
      ['1-andy', 1, 200],
      ['1-andy', 'andy', 200],
      ['1-andy', undefined, 200],
      ['1-andy', null, 200],
      ['1-andy', '2', 401],
      ['1-andy', 2, 401],
      ['1-andy', 'bob', 401],
      ['1-andy', '2-bob', 401],
      ['1-andy', '1-bob', 401],
      ['1-andy', '', 401],
      ['1-andy', '1-', 401],
      ['1-andy', true, 401],
      ['1-andy', { id: 1 }, 400],
      ['1-andy', ['1-andy'], 400],
      // What may be the id or the whole name of somebody else is not the name of this user.
      ['1-2', '2', 401],
      ['1-2-bob', '2-bob', 401],
      ['3-lightning-r', 'lightning-r', 200],
    ])('takes the user %s of the session where a page names %j: %d', async (user, user_id, status) => {
      const cookie = await session(user);
      expect((await write({ net_change: 5, user_id }, { cookie })).status).toBe(status);
      expect([...sidecar.balances]).toEqual(status === 200 ? [[user, 5]] : []);
      sidecar.profiles.set(user, { level: 1 });
      const level = await post('simple-profile.php?action=update_level', { user_id, level: 2 }, { cookie });
      expect([level.status, sidecar.profiles.get(user)?.level]).toEqual([status, status === 200 ? 2 : 1]);
      // Nobody by that name, or somebody else's list: a claim is refused in the same way.
      const claim = await post('claim_guest.php', { user_id, transactions: 'none' }, { cookie });
      expect(claim.status).toBe(status === 200 ? 400 : status);
    });

    it("a session's cookie is for this site's pages alone", async () => {
      const cookie = await session();
      expect(cookie).toMatch(/; path=\/; HttpOnly; SameSite=Lax$/i);
      expect(await session(USER, { 'x-forwarded-proto': 'https' })).toMatch(
        /; path=\/; secure; HttpOnly; SameSite=Lax$/i,
      );
      // An id that somebody else has chosen is not taken over.
      const chosen = await write({ net_change: 5 }, { cookie: 'PHPSESSID=chosen' });
      expect([chosen.status, chosen.response.headers.getSetCookie().join()]).toEqual([
        401,
        expect.stringMatching(/^PHPSESSID=(?!chosen)/),
      ]);
    });

    it.each<[string, Record<string, string>, number]>([
      ['of this site', { origin: 'ITS OWN' }, 200],
      ['of this site behind a proxy', { origin: 'https://Example.org', 'x-forwarded-host': 'example.org:443' }, 200],
      ['that does not say where it is from', {}, 200],
      ['with a charset', { 'content-type': 'application/json; charset=UTF-8' }, 200],
      ['of another site', { origin: 'https://evil.example' }, 403],
      ['of this host at another port', { origin: 'http://127.0.0.1:1' }, 403],
      ['of nowhere', { origin: 'null' }, 403],
      ['with a form', { 'content-type': 'text/plain' }, 403],
      ['with another form', { 'content-type': 'application/x-www-form-urlencoded' }, 403],
      ['with no type', { 'content-type': '' }, 403],
    ])('a page %s writes by the session: %s: %d', async (_, more, status) => {
      const cookie = (await session()).split(';')[0] ?? '';
      const headers = { cookie, ...more, ...(more.origin === 'ITS OWN' && { origin: address }) };
      sidecar.profiles.set(USER, { level: 1 });
      for (const reply of [
        await write({ net_change: 5 }, headers),
        await post('simple-profile.php?action=update_level', { level: 2 }, headers),
      ])
        expect([reply.status, reply.body.success]).toEqual([status, status === 200]);
      expect([...sidecar.balances]).toEqual(status === 200 ? [[USER, 5]] : []);
      const claim = await post('claim_guest.php', { transactions: 'none' }, headers);
      expect(claim.status).toBe(status === 200 ? 400 : status);
    });

    it('another site’s page opens no session', async () => {
      const headers = { origin: 'https://evil.example' };
      const body = { user_id: USER, username: 'andy', jwt: token(claims) };
      const { status, response } = await post('session-init.php', body, headers);
      expect([status, response.headers.getSetCookie()]).toEqual([403, []]);
    });

    it('writes for nobody without a session', async () => {
      const reply = await write({ net_change: 5 });
      expect([reply.status, reply.body.success]).toEqual([401, false]);
      expect(reply.response.headers.getSetCookie()).toEqual([]);
      expect((await post('simple-profile.php?action=update_level', { user_id: USER, level: 2 })).status).toBe(401);
      expect(sidecar.seen).toEqual([]);
    });

    it.each<[string, string, string?]>([
      ['none', ''],
      ['another secret', token(claims, 'guessed')],
      ['another user', token({ ...claims, sub: '2', username: 'bob' })],
      ['an old one', token({ ...claims, exp: Math.floor(Date.now() / 1000) - 60 })],
      ['one without an end', token({ sub: '1', username: 'andy' })],
      ['one without a signature', `${token(claims, SECRET, 'none').split('.').slice(0, 2).join('.')}.`],
      ['another algorithm', token(claims, SECRET, 'HS512')],
      ['an id that is none', token({ ...claims, sub: true })],
      ['an id with a part of the name', token({ ...claims, sub: '1-an', username: 'dy' }), '1-an-dy'],
      ['an id without end', token({ ...claims, sub: '1'.repeat(19) }), `${'1'.repeat(19)}-andy`],
    ])('opens no session for a token: %s', async (_, jwt, user = USER) => {
      const { status, response } = await post('session-init.php', { user_id: user, jwt });
      expect(status).toBe(user.length > 20 ? 400 : 401);
      expect(response.headers.getSetCookie()).toEqual([]);
    });
  });

  it('what PHP itself complains of is for the log alone', async () => {
    const text = fs.readFileSync(site.configFile, 'utf8');
    fs.writeFileSync(`${site.configFile}.new`, text.replace('<?php', '<?php echo $nowhere;'));
    fs.renameSync(`${site.configFile}.new`, site.configFile);
    sidecar.balances.set(USER, 100);
    const { response, text: answer } = await raw(`get_balance.php?user_id=${USER}`);
    expect([response.status, JSON.parse(answer).balance]).toEqual([200, 100]);
    await expect.poll(() => site.log).toContain('Undefined variable $nowhere');
  });

  it('a configuration that is missing or has a mistake is named in the log alone', async () => {
    for (const [change, words] of [
      [() => site.configure({ without_sidecar: 'sometimes' }), 'without_sidecar must be one of all, credits, nothing'],
      [() => site.configure({ sidecars: 1 }), 'unknown key sidecars'],
      [() => fs.rmSync(site.configFile), 'no configuration'],
    ] as const) {
      change();
      const { status, body } = await read();
      expect([status, body.details]).toEqual([500, 'configuration']);
      await expect.poll(() => site.log).toContain(words);
    }
  });
});
