/** A new file, absorbed and rendered, is the same file: I7 for every shape that the sites write. */
import { describe, expect, it } from 'vitest';
import { OTHER_SAMPLES, SAMPLES } from '../testing/samples.js';
import { policiesOf, TestReplica } from '../testing/simulation.js';
import { readContent } from './content.js';
import { isUnordered } from './join.js';
import { parseJson } from './json.js';
import { render, shows } from './render.js';
import { reprint } from './style.js';

const samples = SAMPLES.map((sample) => [`${sample.kind}, ${sample.name}`, sample] as const);

describe('a new file', () => {
  it.each(samples)('I7: keeps its bytes when it is rendered where it was written: %s', (_, { kind, text }) => {
    const replica = new TestReplica('roflfaucet', kind).write(text);
    const live = readContent(text, policiesOf(kind));
    const policies = policiesOf(kind);
    const view = render(replica.state, policies.kind.delete, live.kind === 'json' ? live.value : undefined);
    if (live.kind === 'json' && view?.kind === 'json')
      expect(shows(live.value, view.value, isUnordered(policies))).toBe(true);
    expect(replica.view).toBe(text);
  });

  it.each(samples)(
    'I7: means the same, in the same key order, on a site that never saw it: %s',
    (_, { kind, text }) => {
      const here = new TestReplica('roflfaucet', kind).write(text);
      const there = new TestReplica('clickforcharity', kind).receive(here.state).materialise();
      // Amounts are rounded to 8 places: what PHP makes of 0.1 + 0.2 is 0.3 elsewhere.
      const meant = text.replace('0.30000000000000004', '0.3');
      const [live, view] = [readContent(meant, policiesOf(kind)), readContent(there.shadow ?? '', policiesOf(kind))];
      if (live.kind !== 'json' || view.kind !== 'json') return expect(there.shadow).toBe(text);
      expect(shows(live.value, view.value, isUnordered(policiesOf(kind)))).toBe(true);
      expect(keysOf(there.shadow ?? '')).toEqual(keysOf(text));
    },
  );

  it.each(samples)('contributes nothing when it is looked at again: %s', (_, { kind, text }) => {
    const replica = new TestReplica('roflfaucet', kind).write(text);
    const { state } = replica;
    expect(replica.write(text, 2_000).state).toBe(state);
    expect(replica.materialise().write(replica.shadow, 3_000).state).toBe(state);
  });

  it.each(samples.filter(([, { text }]) => parseJson(text) !== undefined))(
    'I7: is printed again in its own style: %s',
    (_, { text }) => expect(reprint(text)).toBe(text),
  );
});

describe('a changed file', () => {
  it.each([
    ['a number', '{"balance": 5000.0, "n": 1}', '{"balance": 5000.0, "n": 2}'],
    ['a string', '{"balance": "5000.50", "n": 1}', '{"balance": "5000.50", "n": 2}'],
    [
      'a string in an object',
      '{"balance": {"coins": "5", "gems": 1}, "n": 1}',
      '{"balance": {"coins": "5", "gems": 1}, "n": 2}',
    ],
    ['a float sum', '{"balance": 0.30000000000000004, "n": 1}', '{"balance": 0.30000000000000004, "n": 2}'],
  ])('I7: keeps the spelling of an amount that did not change: %s', (_, before, after) => {
    const here = new TestReplica('roflfaucet').write(before);
    const there = new TestReplica('clickforcharity').receive(here.state);
    there.write(before.replace('"n": 1', '"n": 2'), 2_000);
    const other = new TestReplica('clickforcharity').receive(here.state);
    other.shadow = before;
    other.write(after, 2_000);
    expect(here.receive(other.state).view).toBe(after);
  });

  it('I7: keeps the spelling of old entries when a list gets a new one', () => {
    const entry = '{"amount":1.50,"timestamp":1770000001}';
    const here = new TestReplica('roflfaucet').write(`{"balance":1,"recent_transactions":[${entry}]}`);
    const there = new TestReplica('clickforcharity').receive(here.state).materialise();
    there.write(`{"balance":1,"recent_transactions":[{"amount":2,"timestamp":1770000002},${entry}]}`, 2_000);
    expect(here.receive(there.state).view).toContain('"amount":1.50');
  });

  it('I7: takes over the shape that a site gives an amount, without changing the amount', () => {
    const here = new TestReplica('roflfaucet').write('{"balance":5}');
    const there = new TestReplica('clickforcharity').receive(here.state).materialise();
    there.write('{"balance":{"coins":5}}', 2_000);
    expect(here.receive(there.state).view).toBe('{"balance":{"coins":5}}');
    there.write('{"balance":"7"}', 3_000);
    expect(here.receive(there.state).view).toBe('{"balance":"7"}');
    expect(here.counter()).toBe('7');
  });

  it('does not touch an amount whose key is missing or unreadable, and writes it back', () => {
    for (const broken of [
      '{"n":1}',
      '{"balance":null,"n":1}',
      '{"balance":"abc","n":1}',
      '{"balance":[],"n":1}',
      '{"balance":{},"n":1}',
      '{"balance":1e999,"n":1}',
    ]) {
      const replica = new TestReplica('roflfaucet').write('{"balance":5000}').write(broken, 2_000);
      expect(replica.counter(), broken).toBe('5000');
      expect(replica.json, broken).toEqual({ balance: 5000, n: 1 });
    }
  });

  it('does not let a plain value hide the counters below it: PHP prints an empty object as []', () => {
    const here = new TestReplica('roflfaucet', 'profiles')
      .write('{"stats":{"total_claims":5}}')
      .write('{"stats":[]}', 2_000);
    expect(here.json).toEqual({ stats: { total_claims: 5 } });
  });
});

it('has a sample of every kind of default policy', () => {
  expect(new Set(SAMPLES.map(({ kind }) => kind))).toEqual(new Set(['balances', 'profiles', 'inbox', 'tokens']));
  expect(OTHER_SAMPLES.length).toBeGreaterThan(0);
});

function keysOf(text: string): string[] {
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"(?=\s*:)/g)].map(([key]) => JSON.parse(key) as string);
}
