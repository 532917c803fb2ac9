/** Names that mean something to JavaScript are only names here: in documents, states, policies and sites. */
import { describe, expect, it } from 'vitest';
import { settleAll, TestReplica } from '../testing/simulation.js';
import { readContent, VALUES_MAX } from './content.js';
import { decodeState } from './decode.js';
import { fieldsOf } from './fields.js';
import { childPath, DEFAULT_POLICIES, mergePolicies, PathPolicies, pathKeys } from './policy.js';

const INTERNALS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '',
  '0',
  '-1',
  'length',
];

describe('a key', () => {
  it.each(INTERNALS)('%j travels like any other, at any depth, and can be removed', (key) => {
    const text = JSON.stringify({ balance: 1 }).replace(
      '}',
      `,${JSON.stringify(key)}:{${JSON.stringify(key)}:{"polluted":1},"x":2}}`,
    );
    const [a, b] = [new TestReplica('roflfaucet').write(text), new TestReplica('clickforcharity')];
    b.receive(decodeState(JSON.parse(JSON.stringify(a.state)))).materialise();
    expect(b.shadow).toBe(text);
    b.write(text.replace('"x":2', '"x":3'));
    settleAll([a, b]);
    expect(a.shadow).toContain('"x":3');
    a.write('{"balance":1}');
    settleAll([a, b]);
    expect(b.shadow).toBe('{"balance":1}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('like a number keeps its place among the others', () => {
    const text = '{"10":"x","balance":1,"2":"y","1":"z"}';
    const [a, b] = [new TestReplica('roflfaucet').write(text), new TestReplica('clickforcharity')];
    settleAll([a, b]);
    expect(b.shadow).toBe(text);
  });

  it.each([...INTERNALS, 'a/b', 'a~b', '~1', '~0', '/', '//', '~'])(
    '%j goes into a path and comes out again',
    (key) => {
      expect(pathKeys(childPath(childPath('', key), key))).toEqual([key, key]);
    },
  );

  it('of endless length, or a file of endless values, is refused when it is read, so that no peer has to', () => {
    const policies = new PathPolicies(DEFAULT_POLICIES.balances as never);
    const long = 'k'.repeat(1_100);
    expect(readContent(`{"balance":1,"${long}":1}`, policies).kind).toBe('invalid');
    expect(readContent(`{"balance":1,"a":{"${long}":1}}`, policies).kind).toBe('invalid');
    expect(readContent(`{"balance":1,"a":[{"${long}":1}]}`, policies).kind).toBe('json');
    expect(readContent(JSON.stringify({ list: Array(VALUES_MAX).fill(1) }), policies).kind).toBe('invalid');
    expect(readContent(JSON.stringify({ list: Array(VALUES_MAX - 2).fill(1) }), policies).kind).toBe('json');
  });

  it('as deep as a file may be makes a state that a peer accepts', () => {
    for (const depth of [15, 16, 17, 18, 40, 62]) {
      const text = `${'{"a":'.repeat(depth)}{"b":[1]}${'}'.repeat(depth)}`;
      const a = new TestReplica('roflfaucet').write(text);
      expect(decodeState(JSON.parse(JSON.stringify(a.state)))).toEqual(a.state);
      expect(a.view).toBe(text);
    }
  });
});

describe('a site named constructor', () => {
  it('has levels and counters like any other', () => {
    const [a, b] = [new TestReplica('constructor', 'profiles'), new TestReplica('roflfaucet', 'profiles')];
    b.write('{"level":2}');
    a.receive(b.state).materialise().write('{"level":3,"stats":{"constructor":1}}');
    settleAll([a, b]);
    expect(b.json).toEqual({ level: 3, stats: { constructor: 1 } });
  });
});

describe('policies', () => {
  it('of a kind named constructor are the defaults of an unknown kind', () => {
    expect(
      mergePolicies(DEFAULT_POLICIES, { ['constructor' as string]: { paths: { a: 'counter' } } }).constructor,
    ).toEqual({
      delete: 'tombstone',
      format: 'json',
      paths: { a: 'counter' },
    });
  });

  it('are found by exact path before pattern, and are a register for everything else', () => {
    const policies = new PathPolicies({
      delete: 'restore',
      format: 'json',
      paths: { 'a.*': 'counter', 'a.b': 'max', '*.*': 'set', '': 'log' },
    });
    expect(
      ['/a/x', '/a/b', '/c/d', '/a', '/__proto__', '/constructor', '/a/b/c', ''].map((path) => policies.of(path)),
    ).toEqual(['counter', 'max', 'set', 'register', 'register', 'register', 'register', 'log']);
  });

  it('over the defaults change only what they name', () => {
    const merged = mergePolicies(DEFAULT_POLICIES, { balances: { paths: { bonus: 'counter' } } });
    expect(merged.balances).toEqual({
      ...DEFAULT_POLICIES.balances,
      paths: { ...DEFAULT_POLICIES.balances?.paths, bonus: 'counter' },
    });
  });

  it('that count amounts never let a torn file become a text, whatever its format', () => {
    const policies = new PathPolicies({ delete: 'restore', format: 'text', paths: { balance: 'counter' } });
    for (const torn of ['', ' ', '{"balance":5', '5', '[]', 'word'])
      expect(readContent(torn, policies).kind).toBe('invalid');
  });
});

it('a counter, a list, a set or a maximum that is none is kept as a plain value', () => {
  const policies = new PathPolicies(DEFAULT_POLICIES.profiles as never);
  const content = readContent('{"level":"high","roles":"admin","stats":{"total":"many","by_day":{"mon":1}}}', policies);
  if (content.kind !== 'json') throw new Error('not read');
  expect([...fieldsOf(content.value, policies)].map(([path, { policy }]) => [path, policy])).toEqual([
    ['/level', 'register'],
    ['/roles', 'register'],
    ['/stats/total', 'register'],
    ['/stats/by_day/mon', 'register'],
  ]);
});
