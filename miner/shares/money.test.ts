/** From shares to balances, with a real sidecar at a real site: never lost, never doubled. */
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import Big from 'big.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Log } from '../../common/runtime/log.js';
import { type Cast, sidecarTests } from '../../sidecar/testing/sidecar-tests.js';
import { SERVICE } from '../../sidecar/testing/sidecars.js';
import { FleetStore } from '../store/store.js';
import type { CreditConfig } from './config.js';
import { type Money, openMoney } from './money.js';
import { Outbox } from './outbox.js';
import { settle } from './settling.js';
import { type Outcome, type Sent, SidecarClient } from './sidecar-client.js';

const inSite = sidecarTests(3);
const AT = 1_700_000_400_000;
const PERIOD_S = 600;
const URL = 'stratum+tcp://solo.ckpool.org:3333';

interface Line {
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

class Agent {
  #folder: string;
  readonly token: string;
  readonly lines: Line[] = [];
  store: FleetStore;
  money: Money;
  now = AT;
  #credit: CreditConfig;
  #periods = new Map<string, number>();

  constructor(folder: string, sidecar: CreditConfig['sidecar'], more: Partial<CreditConfig> = {}) {
    fs.mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.token = path.join(folder, 'token');
    fs.writeFileSync(this.token, `${SERVICE}\n`);
    this.#credit = {
      sidecar,
      token_file: this.token,
      rate: { per_difficulty: '0.000001' },
      period_s: PERIOD_S,
      users: { table: { rig: '1-andy', other: '2-eve' }, rules: [] },
      plausible: { min: 0.5, max: 1.5 },
      shares_d: 32,
      ...more,
    };
    this.store = FleetStore.open(path.join(folder, 'fleet.db'));
    this.money = this.#open();
  }

  get log(): Log {
    const add = (event: string, fields = {}) => void this.lines.push({ event, fields });
    return { error: add, warn: add, info: add, debug: () => {} };
  }

  #open(): Money {
    return openMoney({
      store: this.store,
      credit: this.#credit,
      log: this.log,
      now: () => this.now,
      random: () => 0.5,
    });
  }

  change(more: Partial<CreditConfig>): void {
    this.#credit = { ...this.#credit, ...more };
    this.money = this.#open();
  }

  /** A period of a worker has ended. */
  mined(
    difficulty: string,
    { worker = 'rig', miner = 'aa:bb:cc:00:11:22', is_estimate = 0 as 0 | 1, periods = 1 } = {},
  ): void {
    const key = `${miner} ${worker}`;
    const from = this.#periods.get(key) ?? AT / 1_000;
    const to = from + PERIOD_S * periods;
    this.#periods.set(key, to);
    const [from_at, to_at] = [from * 1_000, to * 1_000];
    const pool = { pool_url: URL, pool_user: `x.${worker}` };
    this.store.works.add({
      miner_id: 1,
      worker_key: miner,
      worker,
      ...pool,
      from_at,
      to_at,
      difficulty,
      shares: 1,
      is_estimate,
    });
    this.store.db.prepare("UPDATE works SET state = 'unassigned' WHERE state = 'open' AND worker = ?").run(worker);
  }

  /** Long enough that nothing waits any more. */
  async round(): Promise<void> {
    this.now += 3_700_000;
    await this.money.round();
  }

  /** Its process ends now, and another one begins with what is on the disk. */
  die(): void {
    const folder = `${this.#folder}+`;
    fs.cpSync(this.#folder, folder, { recursive: true });
    this.#folder = folder;
    this.store.close();
    this.store = FleetStore.open(path.join(folder, 'fleet.db'));
    this.money = this.#open();
  }

  /** Puts back what its disk holds now. */
  copy(): () => void {
    const kept = `${this.#folder}-kept`;
    this.store.db.pragma('wal_checkpoint(TRUNCATE)');
    fs.cpSync(this.#folder, kept, { recursive: true });
    const periods = new Map(this.#periods);
    return () => {
      this.#folder = kept;
      this.#periods = periods;
      this.die();
    };
  }

  async close(): Promise<void> {
    await this.money.stop();
    this.store.close();
  }
}

function withAgent(run: (cast: Cast & { agent: Agent }) => Promise<void>, more: Partial<CreditConfig> = {}) {
  return async (cast: Cast): Promise<void> => {
    const agent = new Agent(path.join(cast.lab.root, 'agent'), { socket: cast.sidecar.config.socket }, more);
    try {
      await run({ ...cast, agent });
    } finally {
      await agent.close();
    }
  };
}

const paid = async ({ sidecar }: Cast) => (await sidecar.get('/v1/miner-credits')).body.credits;
const andy = async ({ sidecar }: Cast) => (await sidecar.get('/v1/balances/1-andy')).body.balance;

describe('credits', () => {
  inSite(
    'reach the balance once, however often they are sent',
    withAgent(async ({ agent, ...cast }) => {
      agent.mined('1500000');
      await agent.round();
      await agent.round();
      expect(await andy(cast)).toBe('101.5');
      agent.store.db.prepare("UPDATE credits SET state = 'owed'").run();
      await agent.round();
      expect(await andy(cast)).toBe('101.5');
      expect(agent.store.credits.list()).toMatchObject([{ state: 'paid', amount: '1.5', difficulty: '1500000' }]);
      expect(agent.money.status()).toMatchObject({ owed: 0, held: 0, unassigned: 0, last_paid_at: agent.now });
    }),
  );

  inSite(
    'are told once of each user, with the balance: a mistyped user is one that has nothing else',
    withAgent(
      async ({ agent }) => {
        agent.mined('1500000');
        agent.mined('250000', { worker: 'other' });
        await agent.round();
        agent.die();
        agent.mined('1000000');
        await agent.round();
        const told = agent.lines.filter(({ fields }) => fields.code === 'AXL-CREDIT-FIRST');
        expect(told.map(({ fields }) => fields)).toMatchObject([
          { user: '9-nobody-here', worker: 'other', amount: '0.25', balance: '0.25' },
          { user: '1-andy', worker: 'rig', miner: 'aa:bb:cc:00:11:22', amount: '1.5', balance: '101.5' },
        ]);
      },
      { users: { table: { rig: '1-andy', other: '9-nobody-here' }, rules: [] } },
    ),
  );

  inSite(
    'agree with the site’s own report by day, to the last digit',
    withAgent(
      async ({ agent, ...cast }) => {
        const odd = ['1', '0.00015258', '3', '65536.33333333333', '0.1', '7.77777777777', '1e-9', '123456789.12345678'];
        for (let period = 0; period < 40; period += 1) {
          agent.mined(new Big(odd[period % odd.length] as string).toFixed());
          if (period % 3 === 0) agent.mined('1024', { worker: 'other', is_estimate: 1 });
          if (period % 5 === 0) agent.mined('2.5', { miner: 'aa:bb:cc:00:11:33' });
        }
        await agent.round();
        const { days } = (await cast.sidecar.get('/v1/miner-credits?group=day')).body;
        const ours = agent.money
          .statement({ group: 'day' })
          .map(({ day, user, miner, amount, difficulty, credits }) => ({
            day,
            user,
            miner,
            amount,
            difficulty,
            credits,
          }));
        const sorted = (rows: object[]) => rows.map((row) => JSON.stringify(row, Object.keys(row).sort())).sort();
        expect(sorted(ours)).toEqual(sorted(days));
        expect(new Set(ours.map(({ day }) => day)).size).toBeGreaterThan(1);
        // And all of it is what was mined, but for what is carried on.
        const sums = agent.store.db
          .prepare<[], { user: string; amount: string; difficulty: string }>(
            'SELECT user, amount, difficulty FROM carries',
          )
          .all();
        const of = (rows: { amount: string; difficulty: string }[], name: 'amount' | 'difficulty') =>
          rows.reduce((total, row) => total.plus(row[name]), new Big(0));
        const mined = agent.store.db
          .prepare<[], { difficulty: string; amount: string }>("SELECT difficulty, '0' AS amount FROM works")
          .all();
        expect(of(ours, 'difficulty').plus(of(sums, 'difficulty')).toFixed()).toBe(of(mined, 'difficulty').toFixed());
        expect(of(ours, 'amount').plus(of(sums, 'amount')).toFixed()).toBe(
          of(mined, 'difficulty').times('0.00000012345').toFixed(),
        );
      },
      { rate: { per_difficulty: '0.00000012345' } },
    ),
  );

  inSite(
    'wait while the sidecar is away, and survive the agent meanwhile',
    withAgent(async ({ agent, sidecar, ...cast }) => {
      await sidecar.close();
      agent.mined('1000000');
      agent.mined('2000000');
      await agent.round();
      expect(agent.money.status()).toMatchObject({ owed: 2, error: expect.stringMatching(/does not answer/) });
      agent.die();
      await agent.round();
      await agent.round();
      expect(agent.lines.filter(({ event }) => event === 'credits wait').length).toBeGreaterThan(0);
      await sidecar.start();
      await agent.round();
      expect(agent.lines.at(-1)?.event).toBe('credits are taken again');
      expect(agent.money.status()).toMatchObject({ owed: 0 });
      expect(await andy({ ...cast, sidecar })).toBe('103');
    }),
  );

  inSite(
    'are made once wherever the agent dies',
    withAgent(async ({ agent, ...cast }) => {
      const died = new Error('dies');
      let steps = 0;
      const client = new SidecarClient({ socket: cast.sidecar.config.socket, token_file: agent.token });
      /** Dies before it sends, after it has sent, or after it has noted the answer. */
      const dying = (at: number) => ({
        credited: () => client.credited({ miner: '', worker: '' }, 0),
        credit: async (sent: Sent): Promise<Outcome> => {
          if (at === 0) throw died;
          const outcome = await client.credit(sent);
          if (at === 1) throw died;
          steps += 1;
          return outcome;
        },
      });
      for (let at = 0; at < 3; at += 1) {
        agent.mined('1000000');
        settle(agent.store, {
          users: { table: { rig: '1-andy' }, rules: [] },
          worth: '0.000001',
          now: () => agent.now,
        });
        agent.die();
        const outbox = new Outbox(agent.store, {
          client: dying(at),
          log: agent.log,
          now: () => agent.now,
          random: () => 0,
        });
        await outbox.sendDue().catch((error: Error) => expect(error).toBe(died));
        agent.die();
      }
      await agent.round();
      client.close();
      expect(steps).toBeGreaterThan(0);
      expect(await paid(cast)).toHaveLength(3);
      expect(await andy(cast)).toBe('103');
      expect(agent.money.status()).toMatchObject({ owed: 0 });
    }),
  );

  inSite(
    'that the site made long ago and forgot the answer of are found in its books',
    withAgent(async ({ agent, faucet, ...cast }) => {
      agent.mined('1000000');
      agent.mined('1000000');
      await agent.round();
      const { journal } = faucet.site.replica.world.store;
      expect(journal.dropAnswers(Number.MAX_SAFE_INTEGER, 100)).toBe(2);
      agent.store.db.prepare("UPDATE credits SET state = 'owed', answer_id = NULL").run();
      await agent.round();
      expect(agent.store.credits.list()).toMatchObject([{ state: 'paid' }, { state: 'paid' }]);
      expect(await andy({ ...cast, faucet })).toBe('102');
    }),
  );

  inSite(
    'for time that is somebody else’s already are refused in words, and for good',
    withAgent(async ({ agent, ...cast }) => {
      const body = { miner: 'aa:bb:cc:00:11:22', worker: 'rig', user: '2-eve', amount: '7', difficulty: '1' };
      const when = { from: AT / 1_000 + 300, to: AT / 1_000 + 900 };
      await cast.sidecar.ask('/v1/miner-credits', { method: 'POST', body: { ...body, ...when } });
      agent.mined('1000000');
      await agent.round();
      const [credit] = agent.store.credits.list();
      expect(credit).toMatchObject({
        state: 'refused',
        error_code: 'already_credited',
        error: expect.stringMatching(/\w/),
      });
      expect(agent.lines.find(({ event }) => event === 'credit refused')?.fields).toMatchObject({
        code: 'AXL-CREDIT-REFUSED',
        hint: expect.stringContaining('does another agent report it too?'),
      });
      expect(agent.money.retry([credit?.id as number])).toBe(0);
      expect(await andy(cast)).toBe('100');
    }),
  );

  inSite(
    'are exact after an older database was put back: the site’s are known again, and only the rest is paid',
    withAgent(async ({ agent, ...cast }) => {
      const site = async () => (await cast.sidecar.get('/v1/miner-credits?group=day')).body.days;
      agent.mined('1000000');
      await agent.round();
      agent.mined('50');
      const putBack = agent.copy();
      await agent.round();
      agent.mined('2000000.123');
      agent.mined('4000000');
      await agent.round();
      expect(await andy(cast)).toBe('107.00005012');
      // A period is cut short as the agent starts, and the next one is all that was mined since.
      putBack();
      agent.change({ rate: { per_difficulty: '0.000002' } });
      agent.mined('1000', { periods: 0.5 });
      await agent.round();
      expect(agent.money.status()).toMatchObject({ refused: 1 });
      agent.mined('6999000.123', { periods: 3 });
      await agent.round();
      await agent.round();
      // One million of difficulty is new, at the rate of now.
      expect(await andy(cast)).toBe('109.00005012');
      expect(agent.money.status()).toMatchObject({ refused: 0, owed: 0 });
      const ours = agent.money.statement({ group: 'day' });
      expect(ours).toMatchObject(await site());
      expect(ours[0]).toMatchObject({ difficulty: '8000050.123', owed: '0', refused: '0' });
      expect(agent.lines.filter(({ event }) => event === 'credited before').map(({ fields }) => fields)).toMatchObject([
        { code: 'AXL-CREDIT-KNOWN', known: 1, rest: '0' },
        { code: 'AXL-CREDIT-KNOWN', known: 2, rest: '2' },
      ]);
    }),
  );

  inSite(
    'that the site refuses can be made again when the rate is put right',
    withAgent(
      async ({ agent, ...cast }) => {
        agent.mined('1000000.5');
        await agent.round();
        const [credit] = agent.store.credits.list();
        expect(credit).toMatchObject({ state: 'refused', error: expect.stringMatching(/at most/) });
        agent.change({ rate: { per_difficulty: '0.00000333' } });
        expect(agent.money.retry([credit?.id as number])).toBe(1);
        await agent.round();
        expect(await andy(cast)).toBe('103.33000166');
      },
      { rate: { per_difficulty: '5000' } },
    ),
  );

  inSite(
    'wait for a token that is taken',
    withAgent(async ({ agent, ...cast }) => {
      agent.mined('1000000');
      for (const [text, words] of [
        ['axle_wrong', /axle token add NAME --scope miner-credits.* or `axle token rotate NAME`/],
        ['', /holds no token/],
        ['axle_reader', /lacks the scope miner-credits/],
      ] as const) {
        fs.writeFileSync(agent.token, text);
        await agent.round();
        expect(agent.money.status().error).toMatch(words);
      }
      fs.rmSync(agent.token);
      await agent.round();
      expect(agent.money.status()).toMatchObject({ owed: 1, error: expect.stringMatching(/cannot be read/) });
      expect(agent.lines.at(-1)?.fields).toMatchObject({ code: 'AXL-CREDIT-TOKEN' });
      fs.writeFileSync(agent.token, SERVICE);
      await agent.round();
      expect(await andy(cast)).toBe('101');
    }),
  );

  inSite(
    'of nobody’s worker wait until somebody says whose it is, each period for itself',
    withAgent(async ({ agent, ...cast }) => {
      agent.mined('1000000', { worker: 'new' });
      agent.mined('2000000', { worker: 'new' });
      await agent.round();
      expect(agent.money.status()).toMatchObject({ owed: 0, unassigned: 2 });
      agent.store.workerUsers.put({ worker: 'new', user: '1-andy', created_at: 0 });
      await agent.round();
      expect(await andy(cast)).toBe('103');
      expect((await paid(cast)).map(({ from, to }: { from: number; to: number }) => to - from)).toEqual([600, 600]);
    }),
  );

  inSite(
    'that are held are made when they are released, and never when they are rejected',
    withAgent(async ({ agent, ...cast }) => {
      agent.mined('1000000');
      agent.mined('2000000');
      agent.mined('4000000');
      agent.store.db
        .prepare("UPDATE works SET state = 'held', reason = 'too much' WHERE difficulty != '1000000'")
        .run();
      await agent.round();
      const [two, four] = agent.money.held();
      expect([two, four]).toMatchObject([
        { miner: 'aa:bb:cc:00:11:22', worker: 'rig', difficulty: '2000000', reason: 'too much' },
        { difficulty: '4000000', from: AT / 1_000 + 1_200, to: AT / 1_000 + 1_800 },
      ]);
      expect(agent.money.release([two?.id as number])).toBe(1);
      expect(agent.money.reject([four?.id as number, 999], 'not mined here')).toBe(1);
      await agent.round();
      expect(agent.money.held()).toEqual([]);
      expect(await andy(cast)).toBe('103');
    }),
  );
});

describe('what is no sidecar', () => {
  let server: http.Server;
  let answer: (response: http.ServerResponse) => void = () => {};
  beforeAll(async () => {
    server = http.createServer((request, response) => {
      request.resume();
      answer(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const json =
    (status: number, body: unknown, headers = {}) =>
    (response: http.ServerResponse) =>
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  const sent: Sent = { miner: 'm', worker: 'w', user: '1-andy', amount: '1', difficulty: '1', from_s: 1, to_s: 2 };

  it.each<[string, (response: http.ServerResponse) => void, object]>([
    ['a page that greets', (response) => response.end('<html>Welcome</html>'), { kind: 'later', isAll: true }],
    ['a success that names no credit', json(200, {}), { kind: 'later', isAll: true }],
    ['another server that names something', json(200, { id: '7' }), { kind: 'later', isAll: true }],
    [
      'a proxy with nothing behind it',
      (response) => response.writeHead(502).end('Bad Gateway'),
      { kind: 'later', isAll: true },
    ],
    [
      'a redirect',
      (response) => response.writeHead(302, { location: 'http://x' }).end(),
      { kind: 'later', isAll: true },
    ],
    [
      'a wrong path',
      json(404, { error: { code: 'not_found', message: 'x' } }),
      { kind: 'later', reason: expect.stringMatching(/path of credit/) },
    ],
    [
      'too many requests',
      json(429, { error: { code: 'rate_limited', message: 'x' } }, { 'retry-after': '7' }),
      { kind: 'later', wait_ms: 7_000 },
    ],
    [
      'a time that is still to come there',
      json(425, { error: { code: 'too_early', message: 'ahead' } }, { 'retry-after': '600' }),
      { kind: 'later', isAll: false, wait_ms: 600_000, reason: expect.stringMatching(/clock right/) },
    ],
    [
      'one document that is rebuilt',
      json(503, { error: { code: 'not_ready', message: 'x' } }),
      { kind: 'later', isAll: false },
    ],
    ['a closed connection', (response) => response.destroy(), { kind: 'later', isAll: true }],
    [
      'half an answer',
      (response) => {
        response.writeHead(200, { 'content-length': 100 }).write('{"id":');
        response.destroy();
      },
      { kind: 'later' },
    ],
    ['silence', () => {}, { kind: 'later', reason: expect.stringMatching(/no answer within/) }],
    [
      'a refusal',
      json(400, { error: { code: 'bad_request', message: 'no' } }),
      { kind: 'refused', code: 'bad_request', reason: 'no' },
    ],
  ])('is not paid: %s', async (what, how, outcome) => {
    answer = how;
    const { port } = server.address() as AddressInfo;
    const client = new SidecarClient({
      url: `http://127.0.0.1:${port}/axle/`,
      timeout_ms: what === 'silence' ? 300 : 10_000,
    });
    expect(await client.credit(sent)).toMatchObject(outcome);
    client.close();
  });
});
