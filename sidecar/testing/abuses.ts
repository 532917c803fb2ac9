/** Requests that mean no good, as they go over the wire, each with the one status that it deserves. */
import { jwt, READER, SERVICE } from './sidecars.js';

export type Abuse = {
  readonly what: string;
  readonly status: number;
  /** `n`: a number of its own. */
  readonly request: (n: number) => string;
};

/** Done once before the others, and asked again among them. */
export type Lawful = {
  readonly what: string;
  readonly request: string;
  readonly first: number;
  readonly again: number;
};

const raw = (line: string, headers: readonly string[] = [], body = ''): string =>
  [
    `${line} HTTP/1.1`,
    'host: x',
    'connection: close',
    `content-length: ${Buffer.byteLength(body)}`,
    ...headers,
    '',
    body,
  ].join('\r\n');
const bearer = (token: string): string => `authorization: Bearer ${token}`;
const cookie = (token: string): string => `cookie: a=b; jwt=${token}; c=d`;
const key = (text: string): string => `idempotency-key: ${text}`;
const json = 'content-type: application/json';
const service = bearer(SERVICE);
const eve = jwt('2-eve');

const post = (path: string, body: unknown, ...headers: string[]): string =>
  raw(`POST ${path}`, [json, ...headers], typeof body === 'string' ? body : JSON.stringify(body));
const CHANGES = '/v1/balances/1-andy/changes';
const change = (body: unknown, ...headers: string[]): string => post(CHANGES, body, ...headers);
const claim = (transactions: unknown, ...headers: string[]): string =>
  post('/v1/guests/1-andy/claim', { transactions }, ...headers);
const mine = (over: object, ...headers: string[]): string =>
  post('/v1/miner-credits', { ...MINED, ...over }, ...headers);
const patch = (body: string, ...headers: string[]): string =>
  raw('PATCH /v1/profiles/1-andy', [json, ...headers], body);

const CREDIT = { amount: 1, source: 'chat' };
const DAY_MS = 86_400_000;
const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();
const EARNED = { id: 'g', type: 'earn', amount: 2, source: 'faucet', timestamp: daysAgo(0) };
const MINED = {
  miner: 'garage',
  worker: 'bitaxe',
  user: '1-andy',
  amount: 4,
  difficulty: 1024,
  from: 1_770_000_000,
  to: 1_770_000_600,
};

/** Each a lawful request of its own: what it adds comes to 7. */
export const LAWFUL: readonly Lawful[] = [
  { what: 'a change', request: change(CREDIT, service, key('one')), first: 200, again: 200 },
  {
    what: 'a refused debit',
    request: change({ amount: -1e6, source: 'bet' }, service, key('two')),
    first: 409,
    again: 409,
  },
  { what: 'a claim', request: claim([EARNED], bearer(jwt('1-andy'))), first: 200, again: 200 },
  { what: 'a miner’s period', request: mine({}, service), first: 200, again: 200 },
];

/** What stands in place of a user, and what becomes of it when a balance is read and when one is changed. */
const CLIMBS: readonly (readonly [user: string, get: number, change: number])[] = [
  ['..%2f..%2fetc%2fpasswd', 400, 400],
  ['..', 400, 400],
  ['.', 400, 400],
  ['../profiles/1-andy', 404, 404],
  ['%2e%2e%2fprofiles%2f1-andy', 400, 400],
  ['%2e%2e', 400, 400],
  ['..%5c..%5cetc', 400, 400],
  ['%2fetc%2fpasswd', 400, 400],
  ['//etc/passwd', 404, 404],
  ['1-andy%00', 400, 400],
  ['1-andy%00.txt', 400, 400],
  ['a%2fb', 400, 400],
  ['.htaccess', 400, 400],
  ['1-andy%20', 400, 400],
  ['1-andy.txt%0a', 400, 400],
  ['1-andy.backup', 400, 400],
  ['1-andy.sync-conflict-20260101-000000-AAAAAAA', 400, 400],
  ['%ff%fe', 400, 400],
  ['%', 400, 400],
  ['%c0%ae%c0%ae', 400, 400],
  ['a'.repeat(200), 400, 400],
  ['a'.repeat(300), 400, 400],
];

const of = (status: number, kinds: Readonly<Record<string, (n: number) => string>>): Abuse[] =>
  Object.entries(kinds).map(([what, request]) => ({ what, status, request }));

export const ABUSES: readonly Abuse[] = [
  ...CLIMBS.flatMap(([user, get, written]) => [
    ...of(get, { [`read ${user.slice(0, 50)}`]: () => raw(`GET /v1/balances/${user}`, [service]) }),
    ...of(written, {
      [`change ${user.slice(0, 50)}`]: (n) => post(`/v1/balances/${user}/changes`, CREDIT, service, key(`k${n}`)),
    }),
  ]),
  ...of(400, {
    'a climb to claim': (n) =>
      post('/v1/guests/..%2f1-andy/claim', { transactions: [{ ...EARNED, id: `g${n}` }] }, service),
    'a climb to a statement': () => raw('GET /v1/statements/..%2f..%2fstate.db', [service]),
    'a climb to a profile': () => raw('GET /v1/profiles/..%2fbalances%2f1-andy', [service]),
    'a climb of a miner': (n) => mine({ user: '../../etc/passwd', worker: `w${n}` }, service),
    'a climb of a listener': () => raw('GET /v1/events?user=../1-andy', [service]),
    'a backup for a listener': () => raw('GET /v1/events?user=1-a.backup', [service]),
  }),
  ...of(404, {
    'a climb out of the routes': () => raw('GET /v1/../../etc/passwd', [service]),
    'a climb out of the docs': () => raw('GET /docs/static/..%2f..%2f..%2fpackage.json'),
    'a method that is not there': () => raw('DELETE /v1/balances/1-andy', [service]),
    'another’s administration': () => raw('GET /wp-admin/setup-config.php'),
    'a profile that is not there': () => patch('{"bio":"x"}', bearer(jwt('1-andy'))),
  }),
  ...of(401, {
    nobody: (n) => change(CREDIT, key(`k${n}`)),
    'a forged token': (n) => change(CREDIT, bearer(`axle_${n}`), key(`k${n}`)),
    'a token in the address': () => raw(`GET /v1/balances/1-andy?token=${SERVICE}`),
    'a token as a password': () => raw('GET /v1/balances/1-andy', [`authorization: Basic ${btoa(`php:${SERVICE}`)}`]),
    'a token as a cookie': (n) => change(CREDIT, cookie(SERVICE), key(`k${n}`)),
    'a JWT of another secret': (n) => change(CREDIT, bearer(jwt('1-andy', {}, `another secret, ${n}`)), key(`k${n}`)),
    'a JWT without a signature': (n) => change(CREDIT, bearer(jwt('1-andy', {}, '', 'none')), key(`k${n}`)),
    'a JWT of long ago': (n) => change(CREDIT, bearer(jwt('1-andy', { exp: 1_700_000_000 + n })), key(`k${n}`)),
    'a JWT of a path': () => raw('GET /v1/balances/1-andy', [bearer(jwt('1-andy', { username: '../1-andy' }))]),
    'a forged cookie': (n) => change(CREDIT, cookie(jwt('1-andy', {}, `another secret, ${n}`)), key(`k${n}`)),
    'a cookie of 6,000 letters': () => raw('GET /v1/balances/1-andy', [cookie('e'.repeat(6_000))]),
    'a forged claim': (n) => claim([{ ...EARNED, id: `g${n}` }], bearer(jwt('1-andy', {}, 'another secret of mine'))),
    'a forged miner': (n) => mine({ worker: `w${n}` }, bearer(`axle_${n}`)),
    'a miner by cookie of nobody': (n) => mine({ worker: `w${n}` }, cookie('x.y.z')),
    'a listener without a name': () => raw('GET /v1/events'),
    'a forged listener': (n) => raw('GET /v1/events?user=1-andy', [cookie(jwt('1-andy', {}, `another secret, ${n}`))]),
    'a statement for nobody': () => raw('GET /v1/statements/1-andy'),
    'a profile for nobody': () => patch('{"bio":"x"}'),
  }),
  ...of(403, {
    'another’s change': (n) => change({ ...CREDIT, amount: -1 }, bearer(jwt(`${n + 2}-eve`)), key(`k${n}`)),
    'another’s change by cookie': (n) => change({ ...CREDIT, amount: -1 }, cookie(eve), key(`k${n}`)),
    'another’s balance': () => raw('GET /v1/balances/1-andy', [bearer(eve)]),
    'another’s statement': () => raw('GET /v1/statements/1-andy', [cookie(eve)]),
    'another’s profile': () => patch('{"bio":"x"}', bearer(eve)),
    'another’s claim': (n) => claim([{ ...EARNED, id: `g${n}` }], bearer(eve)),
    'another’s events': () => raw('GET /v1/events?user=1-andy', [cookie(eve)]),
    'another’s miner credits': () => raw('GET /v1/miner-credits?user=1-andy', [bearer(eve)]),
    'a user as a miner': (n) => mine({ worker: `w${n}` }, bearer(jwt('1-andy'))),
    'a user who credits themselves': (n) => change(CREDIT, bearer(jwt('1-andy')), key(`k${n}`)),
    'a user’s own role': () => patch('{"roles":["admin"]}', bearer(jwt('1-andy'))),
    'a reader who writes': (n) => change(CREDIT, bearer(READER), key(`k${n}`)),
    'a reader as a miner': (n) => mine({ worker: `w${n}` }, bearer(READER)),
    'another page with the user’s cookie': (n) =>
      change({ ...CREDIT, amount: -1 }, cookie(jwt('1-andy')), 'origin: https://evil.example', key(`k${n}`)),
    'a claim of another page': (n) =>
      claim([{ ...EARNED, id: `g${n}` }], cookie(jwt('1-andy')), 'origin: https://evil.example'),
  }),
  ...of(400, {
    'no key': () => change(CREDIT, service),
    'a key of 201 letters': () => change(CREDIT, service, key('k'.repeat(201))),
    'half of a body': (n) => change('{"amount":', service, key(`k${n}`)),
    'no body': (n) => change('', service, key(`k${n}`)),
    'a prototype': (n) => change('{"amount":1,"source":"x","__proto__":{"a":1}}', service, key(`k${n}`)),
    'a constructor': (n) =>
      change('{"amount":1,"source":"x","constructor":{"prototype":{"a":1}}}', service, key(`k${n}`)),
    'a field that is none': (n) => change({ ...CREDIT, balance: 9 }, service, key(`k${n}`)),
    'more than there is in the world': (n) => change('{"amount":1e308,"source":"x"}', service, key(`k${n}`)),
    'thirty digits': (n) => change({ ...CREDIT, amount: '9'.repeat(30) }, service, key(`k${n}`)),
    'nothing at all': (n) => change({ ...CREDIT, amount: 0 }, service, key(`k${n}`)),
    'SQL for a source': (n) => change({ ...CREDIT, source: "x'; DROP TABLE changes" }, service, key(`k${n}`)),
    'an object for an amount': (n) => change({ ...CREDIT, amount: { $gt: 0 } }, service, key(`k${n}`)),
    'thirty thousand brackets': (n) => change('['.repeat(30_000), service, key(`k${n}`)),
    'a profile seventy deep': () => patch(`${'{"a":'.repeat(70)}1${'}'.repeat(70)}`, service),
    'a claim of a negative amount': (n) => claim([{ ...EARNED, id: `g${n}`, amount: -5 }], bearer(jwt('1-andy'))),
    'a claim of a gift': (n) => claim([{ ...EARNED, id: `g${n}`, type: 'gift' }], bearer(jwt('1-andy'))),
    'a claim at no time': (n) => claim([{ ...EARNED, id: `g${n}`, timestamp: 'now' }], bearer(jwt('1-andy'))),
    'a claim of nothing': () => claim([], bearer(jwt('1-andy'))),
    'a claim of 201': () => claim(Array(201).fill(EARNED), bearer(jwt('1-andy'))),
    'a claim in which one is bad': (n) =>
      claim(
        [
          { ...EARNED, id: `g${n}` },
          { ...EARNED, id: `h${n}`, amount: 'x' },
        ],
        bearer(jwt('1-andy')),
      ),
    'a miner who takes': (n) => mine({ worker: `w${n}`, amount: -4 }, service),
    'a miner back in time': (n) => mine({ worker: `w${n}`, to: 1 }, service),
    'a miner of a far future': (n) => mine({ worker: `w${n}`, to: 1e15 }, service),
    'a page of minus one': () => raw('GET /v1/statements/1-andy?limit=-1', [service]),
    'a page before SQL': () => raw('GET /v1/statements/1-andy?before=1%20OR%201=1', [service]),
    'miners since SQL': () => raw("GET /v1/miner-credits?since=';--", [service]),
    'a listener with more to say': () => raw('GET /v1/events?user=1-andy&all=1', [service]),
    garbage: () => 'GARBAGE\r\n\r\n',
    'two lengths': () => raw(`POST ${CHANGES}`, [json, service, key('k'), 'content-length: 3'], JSON.stringify(CREDIT)),
    'a length beside chunks': () =>
      raw(`POST ${CHANGES}`, [json, service, key('k'), 'transfer-encoding: chunked'], '0\r\n\r\n'),
  }),
  ...of(413, {
    'a description of 70,000 letters': (n) =>
      change({ ...CREDIT, description: 'x'.repeat(70_000) }, service, key(`k${n}`)),
    'a claim of 70,000 letters': (n) =>
      claim([{ ...EARNED, id: `g${n}`, description: 'x'.repeat(70_000) }], bearer(jwt('1-andy'))),
    'a profile of 70,000 letters': () => patch(`{"bio":"${'x'.repeat(70_000)}"}`, service),
  }),
  ...of(415, {
    'a change as text': (n) =>
      raw(`POST ${CHANGES}`, ['content-type: text/plain', service, key(`k${n}`)], JSON.stringify(CREDIT)),
    'a claim as a form': () =>
      raw(
        'POST /v1/guests/1-andy/claim',
        ['content-type: application/x-www-form-urlencoded', cookie(jwt('1-andy'))],
        'transactions=1',
      ),
  }),
  ...of(431, { 'a header of 20,000 letters': () => raw('GET /healthz', [`x: ${'y'.repeat(20_000)}`]) }),
  ...of(422, {
    'a key of something else': (n) => change({ ...CREDIT, amount: n + 2 }, service, key('one')),
    'a miner’s period at another rate': (n) => mine({ amount: n + 5 }, service),
  }),
  ...of(409, {
    'a period within one that was paid': (n) => mine({ from: 1_770_000_001 + (n % 500) }, service),
    'a period around one that was paid': (n) => mine({ from: 1_769_999_999 - n, to: 1_770_001_000 }, service),
  }),
  ...of(429, { 'one listener too many': () => raw('GET /v1/events', [service]) }),
  // Answered, and nothing comes of it.
  ...of(200, {
    'a claim of a month ago': (n) => claim([{ ...EARNED, id: `g${n}`, timestamp: daysAgo(29) }], bearer(jwt('1-andy'))),
    'a claim of tomorrow': (n) => claim([{ ...EARNED, id: `g${n}`, timestamp: daysAgo(-2) }], bearer(jwt('1-andy'))),
    'a claim of a fortune': (n) => claim([{ ...EARNED, id: `g${n}`, amount: 501 }], bearer(jwt('1-andy'))),
  }),
];
