/** 2,000 requests that mean no good, to the drop-in endpoints: each is answered as it deserves, and nothing is written or told. */
import { createHash, createHmac } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ContractServer } from './testing/contract-server.js';
import { missingForPhp, PhpSite } from './testing/php.js';

const missing = missingForPhp();
const ROUNDS = 2_000;
const CONNECTIONS = 8;
const SECRET = 'a secret of the auth server';

const CLIMBS = [
  '../balances/1-andy',
  '1-andy/../2-bob',
  '..',
  '/etc/passwd',
  '1-andy\u0000',
  '1-andy\n',
  '.htaccess',
  '1-a.backup',
  '1-andy.sync-conflict-20260101-000000-ABCDEFG',
  '1-ändy',
  `1-${'a'.repeat(300)}`,
  'php://filter/resource=1-andy',
];
const BAD_BODIES = [
  '',
  'net_change=5&user_id=1-andy',
  '{"user_id":"1-andy","net_change":',
  '[]',
  'null',
  '"1-andy"',
  '['.repeat(30_000),
  `${'{"a":'.repeat(70)}1${'}'.repeat(70)}`,
  '{"user_id":"1-andy","net_change":5,"\\u0000":1}',
  '{"user_id":"1-andy","net_change":5,"x":"\\ud800"}',
  new Uint8Array(Buffer.from('{"user_id":"1-andy","net_change":5,"x":"\xff"}', 'latin1')),
  JSON.stringify({ user_id: '1-andy', net_change: 5, source: 'x'.repeat(70_000) }),
];
const BAD_AMOUNTS = ['five', '1e400', '0x10', '9'.repeat(30), '1e30', '-1e30', '', ' ', true, {}, [5], null, 'NaN'];

type Ask = {
  readonly url: string;
  readonly method?: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where it is not JSON's own. */
  readonly type?: string;
};
type Abuse = { readonly ask: (n: number) => Ask; readonly status: number };

const json = (url: string, body: unknown, headers: Record<string, string> = {}): Ask => ({
  url,
  method: 'POST',
  body: JSON.stringify(body),
  headers,
});
const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;

const WRITERS = [
  'write_balance.php',
  'claim_guest.php',
  'simple-profile.php?action=update_profile',
  'simple-profile.php?action=update_level',
  'simple-profile.php?action=update_stats',
] as const;
const EARNED = { id: '1', type: 'earn', amount: 1_000, source: 'faucet', timestamp: new Date().toISOString() };
/** Would be carried out if only somebody were allowed to ask for it. */
const wish = (user_id: unknown, n: number): object => ({
  user_id,
  net_change: 1_000 + n,
  idempotency_key: `wish-${n}`,
  level: 9,
  bio: 'pwned',
  total_won: 5,
  transactions: [
    { id: `wish-${n}`, type: 'earn', amount: 1_000, source: 'faucet', timestamp: new Date().toISOString() },
  ],
});

const poor = (me: Record<string, string>, n: number): Ask =>
  json(
    'write_balance.php',
    { user_id: '1-andy', net_change: -5_000, clamp: false, idempotency_key: `poor-${n % 3}` },
    me,
  );

/** Refused whoever asks; `me`: headers of a page that may write for andy. */
const always = (me: Record<string, string>): readonly Abuse[] => [
  { status: 400, ask: (n) => ({ url: pick(WRITERS, n), method: 'POST', body: pick(BAD_BODIES, n), headers: me }) },
  {
    status: 400,
    ask: (n) =>
      json('write_balance.php', { user_id: '1-andy', net_change: pick(BAD_AMOUNTS, n), idempotency_key: `${n}` }, me),
  },
  {
    status: 400,
    ask: (n) => ({ url: `get_balance.php?user_id=${encodeURIComponent(pick(CLIMBS, n))}` }),
  },
  {
    status: 400,
    ask: (n) => ({ url: `simple-profile.php?action=profile&user_id=${encodeURIComponent(pick(CLIMBS, n))}` }),
  },
  { status: 400, ask: (n) => ({ url: pick(['get_balance.php', 'get_balance.php?user_id[]=1-andy'], n) }) },
  { status: 400, ask: () => ({ url: 'simple-profile.php?action[]=profile&user_id=1-andy' }) },
  { status: 400, ask: (n) => json('simple-profile.php?action=manage_roles', wish('1-andy', n), me) },
  { status: 400, ask: () => json('simple-profile.php?action=update_level', { user_id: '1-andy', level: 99 }, me) },
  { status: 400, ask: () => json('simple-profile.php?action=update_stats', { user_id: '1-andy', total_won: 'x' }, me) },
  { status: 400, ask: () => json('claim_guest.php', { user_id: '1-andy', transactions: { 0: {} } }, me) },
  {
    status: 400,
    ask: (n) =>
      json(
        'write_balance.php',
        { user_id: '1-andy', net_change: 5, idempotency_key: pick(['', 'a b', 'k'.repeat(201)], n) },
        me,
      ),
  },
  {
    status: 405,
    ask: (n) => ({
      url: pick(['write_balance.php', 'get_balance.php', 'claim_guest.php', 'simple-profile.php'], n),
      method: pick(['PUT', 'DELETE', 'PATCH'], n),
      headers: me,
    }),
  },
  { status: 405, ask: () => ({ url: 'get_balance.php', method: 'POST', body: '{}' }) },
  { status: 409, ask: (n) => poor(me, n) },
  {
    status: 422,
    ask: () => json('write_balance.php', { user_id: '1-andy', net_change: 6, idempotency_key: 'replayed' }, me),
  },
];

/** Refused because nobody may ask for it, or nobody in this way. */
const unasked = (me: Record<string, string>, forged: (n: number) => string): readonly Abuse[] => [
  { status: 401, ask: (n) => json(pick(WRITERS, n), wish('1-andy', n)) },
  { status: 401, ask: (n) => json(pick(WRITERS, n), wish('1-andy', n), { cookie: `PHPSESSID=${n}` }) },
  { status: 401, ask: (n) => json(pick(WRITERS, n), wish('1-andy', n), { cookie: `PHPSESSID=../../${n}` }) },
  { status: 401, ask: (n) => json(pick(WRITERS, n), wish('1-andy', n), { cookie: 'PHPSESSID[]=1' }) },
  { status: 401, ask: (n) => json(pick(WRITERS, n), wish('1-andy', n), { authorization: `Bearer ${forged(n)}` }) },
  { status: 401, ask: (n) => json(pick(WRITERS, n), wish(pick(['2-bob', 2, 'bob', ...CLIMBS], n), n), me) },
  { status: 403, ask: (n) => json(pick(WRITERS, n), wish('1-andy', n), { ...me, origin: 'https://evil.example' }) },
  {
    status: 403,
    ask: (n) => ({
      ...json(pick(WRITERS, n), wish('1-andy', n), me),
      type: pick(['text/plain', 'application/x-www-form-urlencoded'], n),
    }),
  },
  { status: 401, ask: (n) => json('session-init.php', { user_id: '1-andy', username: 'andy', jwt: forged(n) }) },
];

/** With `identity: none` everybody is believed, but only to be somebody. */
const climbing: readonly Abuse[] = [
  { status: 400, ask: (n) => json(pick(WRITERS, n), wish(pick(CLIMBS, n), n)) },
  { status: 400, ask: (n) => json(pick(WRITERS, n), wish(pick([{ id: 1 }, ['1-andy'], true, 1], n), n)) },
];

describe.skipIf(missing !== undefined)(`abuse${missing === undefined ? '' : `: skipped, ${missing}`}`, () => {
  let site: PhpSite;
  let sidecar: ContractServer;
  let address: string;

  beforeEach(async () => {
    site = new PhpSite();
    sidecar = new ContractServer(site.socket);
    await sidecar.start();
    address = await site.serve();
    sidecar.balances.set('1-andy', 131).set('2-bob', 50);
    sidecar.profiles.set('1-andy', { level: 1 }).set('2-bob', { level: 2 });
    fs.writeFileSync(path.join(site.folder, 'secret'), SECRET);
    fs.writeFileSync(site.fileOf('balances/1-andy'), '{"balance":131}');
    fs.writeFileSync(site.fileOf('profiles/1-andy'), '{"level":1}');
  });
  afterEach(async () => {
    await sidecar?.stop();
    await site?.stop();
  });

  async function send({ url, method = 'GET', body, headers = {}, type = 'application/json' }: Ask) {
    const response = await fetch(`${address}/${url}`, {
      method,
      headers: { ...(method !== 'GET' && { 'content-type': type }), ...headers },
      ...(body !== undefined && { body }),
    });
    return { response, text: await response.text() };
  }

  /** Everything that there is: contents of all files by hash, and what the sidecar holds. */
  function everything(): unknown {
    const names = fs.readdirSync(site.folder, { recursive: true, encoding: 'utf8' }).sort();
    const files = names.map((name) => {
      const file = path.join(site.folder, name);
      const isFile = fs.lstatSync(file).isFile();
      return [name, isFile ? createHash('sha256').update(fs.readFileSync(file)).digest('hex') : ''];
    });
    return [files, [...sidecar.balances], [...sidecar.profiles], [...sidecar.claimed]];
  }

  it.each([
    ['session', 'and a sidecar'],
    ['none', 'and a sidecar'],
    ['session', 'and nobody at its address'],
    ['none', 'and nobody at its address'],
  ])(
    `hazard 11: ${ROUNDS / 4} requests with identity: %s, %s`,
    async (identity, where) => {
      const isAway = where !== 'and a sidecar';
      if (isAway) await sidecar.stop();
      site.configure({
        identity,
        jwt_secret_file: path.join(site.folder, 'secret'),
        answer_ms: 3_000,
        total_ms: 4_000,
      });
      const me: Record<string, string> = {};
      if (identity === 'session') {
        const { response } = await send(
          json('session-init.php', { user_id: '1-andy', username: 'andy', jwt: token() }),
        );
        me.cookie = response.headers.getSetCookie().at(-1)?.split(';')[0] ?? '';
      }
      const abuses = [...always(me), ...(identity === 'session' ? unasked(me, forged) : climbing)];
      const replays = [
        json('write_balance.php', { user_id: '1-andy', net_change: 5, idempotency_key: 'replayed' }, me),
        ...(isAway ? [] : [json('claim_guest.php', { user_id: '1-andy', transactions: [EARNED] }, me)]),
      ];
      // What is refused under a key of its own leaves a record of that, once.
      for (const one of [...replays, ...[0, 1, 2].map((n) => poor(me, n))]) await send(one);
      const andys = fs.readFileSync(site.fileOf('balances/1-andy'), 'utf8');
      expect([sidecar.balances.get('1-andy'), JSON.parse(andys).balance]).toEqual(isAway ? [131, 136] : [1_136, 131]);
      const before = everything();
      const wrong: string[] = [];
      let next = 0;
      const worker = async (): Promise<void> => {
        for (let n = next++; n < ROUNDS / 4; n = next++) {
          const isReplay = n % 25 === 0;
          const { ask, status } = pick(abuses, n);
          const asked = isReplay ? pick(replays, n / 25) : ask(Math.floor(n / abuses.length));
          const { response, text } = await send(asked);
          const problem = isReplay ? replayProblem(response, text) : problemOf(response, text, status);
          if (problem !== '') wrong.push(`${problem}: ${JSON.stringify(asked).slice(0, 300)}: ${text.slice(0, 300)}`);
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, worker));
      expect(wrong.slice(0, 5)).toEqual([]);
      expect(everything()).toEqual(before);
      expect(site.log).not.toMatch(/PHP (?:Fatal|Warning|Notice|Deprecated)/);
    },
    20_000,
  );

  /** What is wrong with an answer that should be a refusal; '' where nothing is. */
  function problemOf(response: Response, text: string, status: number): string {
    if (response.status !== status) return `status ${response.status} instead of ${status}`;
    const problem = formProblem(response, text);
    if (problem !== '') return problem;
    const { success, error, ...more } = JSON.parse(text) as Record<string, unknown>;
    if (success !== false || typeof error !== 'string' || error.length > 100) return 'not the envelope';
    const allowed = status === 409 ? ['balance'] : ['details'];
    return Object.keys(more).every((key) => allowed.includes(key)) ? '' : 'says more than it should';
  }

  function replayProblem(response: Response, text: string): string {
    const problem = formProblem(response, text);
    const { success, balance } = JSON.parse(text) as Record<string, unknown>;
    return problem !== '' || (response.status === 200 && success === true && [136, 1_136].includes(balance as number))
      ? problem
      : 'not the answer of the first time';
  }

  function formProblem({ headers }: Response, text: string): string {
    if (headers.get('content-type') !== 'application/json') return 'not JSON';
    const told = /\.php|<br|#\d|Stack|Warning|Fatal|passwd|evil|pwned|wish|PHPSESSID/.exec(text)?.[0];
    const secret = [site.folder, SECRET, import.meta.dirname].find((word) => text.includes(word));
    return told !== undefined || secret !== undefined ? `tells ${told ?? secret}` : '';
  }

  function token(more: object = {}, secret = SECRET, alg = 'HS256'): string {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { sub: '1', username: 'andy', exp: Math.floor(Date.now() / 1000) + 3_600, ...more };
    const text = `${part({ typ: 'JWT', alg })}.${part(claims)}`;
    return `${text}.${alg === 'none' ? '' : createHmac('sha256', secret).update(text).digest('base64url')}`;
  }

  const forged = (n: number): string =>
    pick(
      [
        token({}, `guessed ${n}`),
        token({}, '', 'none'),
        token({ exp: 1 }),
        token({ sub: '2' }),
        token({ sub: true }),
        `${token()}x`,
        'a.b',
        '.'.repeat(5_000),
      ],
      n,
    );
});
