/** fast-check arbitraries: documents near the real ones, and states as histories of several replicas make them. */
import fc from 'fast-check';
import { type DocState, EMPTY } from '../core/state.js';
import { message, PROFILE_SAMPLES, transaction } from './samples.js';
import { TestReplica } from './simulation.js';

export const SITES = ['directsponsor', 'roflfaucet', 'clickforcharity'] as const;

/** A few spellings of a few amounts, so that equal ones meet. */
export const amountText = fc.oneof(
  fc.integer({ min: -50, max: 5_000 }).map(String),
  fc.constantFrom('0.1', '0.30000000000000004', '12.50', '1e3', '"7"', '"7.25"', '{"coins":9}', '-0', '1e-9', 'null'),
);

const plainValue = fc.constantFrom('1', '"x"', '""', 'null', '{}', '[]', '{"a":1}', '{"a":{"b":2}}', '[1,"x"]');
const plainKey = fc.constantFrom(
  'last_updated',
  'note',
  '__proto__',
  'constructor',
  'toString',
  '',
  '10',
  '2',
  'a/b',
  'a~b',
);

const list = fc
  .uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 14 })
  .chain((seconds) => fc.constantFrom('first', 'last').map((newest) => sorted(seconds, newest === 'first')));

function sorted(seconds: number[], isNewestFirst: boolean): string {
  return JSON.stringify(
    [...seconds].sort((a, b) => (isNewestFirst ? b - a : a - b)).map((second) => transaction(second)),
  );
}

const member = (key: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  value.map((text) => `${JSON.stringify(key)}:${text}`);

function object(...members: fc.Arbitrary<string | null>[]): fc.Arbitrary<string> {
  return fc.tuple(...members).map((parts) => `{${parts.filter((part) => part !== null).join(',')}}`);
}

const rarely = (arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string | null> => fc.option(arbitrary, { freq: 2 });

const plainMember = fc.tuple(plainKey, plainValue).map(([key, text]) => `${JSON.stringify(key)}:${text}`);

export const balanceText = object(
  rarely(member('balance', amountText)),
  rarely(plainMember),
  rarely(member('recent_transactions', fc.oneof({ weight: 5, arbitrary: list }, { weight: 1, arbitrary: plainValue }))),
  rarely(plainMember),
);

const words = fc
  .uniqueArray(fc.constantFrom('member', 'admin', 'tester', '10', '2'), { maxLength: 4 })
  .map((all) => JSON.stringify(all));
const stats = object(rarely(member('total_claims', amountText)), rarely(member('last', plainValue)));

export const profileText = fc.oneof(
  object(
    rarely(member('level', fc.integer({ min: 1, max: 9 }).map(String))),
    rarely(member('roles', fc.oneof(words, plainValue))),
    rarely(member('stats', fc.oneof(stats, plainValue))),
    rarely(plainMember),
  ),
  fc.constantFrom(...PROFILE_SAMPLES.map(({ text }) => text)),
);

export const inboxText = fc.oneof(
  fc
    .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.boolean()), { maxLength: 6, selector: ([id]) => id })
    .map((ids) => JSON.stringify(ids.map(([id, read]) => message(id, read)))),
  fc.constant('["no time"]'),
);

export const tokenText = fc.oneof(
  fc.constantFrom('word\n', 'other', '12', '{}', '{"token":"abc"}', '{"token":1,"x":{}}'),
  plainValue.map((text) => `{"token":${text}}`),
);

const TEXTS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  balances: balanceText,
  profiles: profileText,
  inbox: inboxText,
  tokens: tokenText,
};

export const kind = fc.constantFrom('balances', 'profiles', 'inbox', 'tokens');

export type Step =
  | { readonly do: 'write'; readonly at: number; readonly text: string; readonly ms: number }
  | { readonly do: 'remove'; readonly at: number; readonly ms: number }
  | { readonly do: 'receive'; readonly at: number; readonly from: number; readonly show: boolean };

export function steps(kindName: string, maxLength = 12): fc.Arbitrary<Step[]> {
  const at = fc.nat(SITES.length - 1);
  const ms = fc.integer({ min: 1, max: 20 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('write' as const),
        at,
        text: TEXTS[kindName] as fc.Arbitrary<string>,
        ms,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), at, ms }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('receive' as const), at, from: at, show: fc.boolean() }) },
  );
  return fc.array(step, { maxLength });
}

/** Lets the steps happen: `receive` brings the other's whole state, and `show` writes the live file. */
export function play(kindName: string, history: readonly Step[]): TestReplica[] {
  const replicas = SITES.map((site) => new TestReplica(site, kindName));
  for (const step of history) {
    const replica = replicas[step.at] as TestReplica;
    if (step.do === 'write') replica.write(step.text, step.ms);
    else if (step.do === 'remove') replica.write(undefined, step.ms);
    else {
      replica.receive((replicas[step.from] as TestReplica).state);
      if (step.show) replica.materialise();
    }
  }
  return replicas;
}

/** A kind, and replicas of one document after a random history. */
export const history = kind.chain((name) =>
  steps(name).map((all) => ({ kind: name, steps: all, replicas: play(name, all) })),
);

/** Three states of one document that random histories reach. */
export const reachable: fc.Arbitrary<[DocState, DocState, DocState]> = history.map(({ replicas }) => {
  const [a, b, c] = replicas.map(({ state }) => state);
  return [a ?? EMPTY, b ?? EMPTY, c ?? EMPTY];
});
