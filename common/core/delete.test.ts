/** Removed files: tombstones, lives, and what survives them. */
import { describe, expect, it } from 'vitest';
import { message } from '../testing/samples.js';
import { settleAll, TestReplica } from '../testing/simulation.js';

function pair(kind: string, text: string): [TestReplica, TestReplica] {
  const a = new TestReplica('roflfaucet', kind).write(text);
  return [a, new TestReplica('clickforcharity', kind).receive(a.state).materialise()];
}

describe('a removed file', () => {
  it('I1: of a balance changes nothing and is written back', () => {
    const [a] = pair('balances', '{"balance":5}');
    const { state } = a;
    expect(a.write(undefined).state).toBe(state);
    expect(a.json).toEqual({ balance: 5 });
  });

  it('I1: of a balance that a page replaces by a stub takes nothing away', () => {
    const [a] = pair('balances', '{"balance":5}');
    expect(a.write(undefined).write('{"balance":0}').json).toEqual({ balance: 5 });
  });

  it.each([
    ['profiles', '{"level":1,"email":"x"}'],
    ['tokens', 'word'],
    ['tokens', '{"token":"abc"}'],
    ['inbox', JSON.stringify([message(1)])],
  ])('is removed everywhere: %s', (kind, text) => {
    const [a, b] = pair(kind, text);
    a.write(undefined);
    settleAll([a, b]);
    expect([a.shadow, b.shadow]).toEqual([undefined, undefined]);
    const { state } = a;
    expect(a.write(undefined).state).toBe(state);
  });

  it('of a token stays removed against a write that knew nothing of it, even a later one', () => {
    const [a, b] = pair('tokens', 'word');
    a.write(undefined, 2_000);
    b.write('other', 3_000);
    settleAll([a, b]);
    expect([a.shadow, b.shadow]).toEqual([undefined, undefined]);
  });

  it('of a profile gives way to a later write that knew nothing of it', () => {
    const [a, b] = pair('profiles', '{"email":"x","bio":"y"}');
    a.write(undefined, 2_000);
    b.write('{"email":"new","bio":"y"}', 3_000);
    settleAll([a, b]);
    expect(a.json).toEqual({ email: 'new' });
    expect(b.json).toEqual(a.json);
  });

  it.each([
    ['profiles', '{"level":1,"roles":["member"],"email":"x"}'],
    ['profiles', '{}'],
    ['tokens', 'word'],
    ['tokens', '{"token":"abc"}'],
    ['inbox', JSON.stringify([message(2), message(1)])],
    ['inbox', '[]'],
  ])('written again as it was, after the delete was seen, lives as it was: %s %s', (kind, text) => {
    const [a, b] = pair(kind, text);
    a.write(undefined);
    b.receive(a.state).materialise().write(text);
    expect(b.view).toBe(text);
    settleAll([a, b]);
    expect([a.shadow, b.shadow]).toEqual([text, text]);
    a.write(undefined);
    settleAll([a, b]);
    expect([a.shadow, b.shadow]).toEqual([undefined, undefined]);
  });

  it('counters survive: a file that comes back as it was does not count twice, and one from zero adds', () => {
    const text = '{"email":"x","stats":{"total_claims":50}}';
    const [a] = pair('profiles', text);
    expect(a.write(undefined).write(text).counter('/stats/total_claims')).toBe('50');
    expect(a.write(undefined).write('{"stats":{"total_claims":0}}').json).toEqual({ stats: { total_claims: 50 } });
    a.write(undefined).write('{"stats":{"total_claims":3}}');
    expect(a.json).toEqual({ stats: { total_claims: 53 } });
  });

  it('does not bring its list back with a newer one', () => {
    const [a, b] = pair('inbox', JSON.stringify([message(2), message(1)]));
    a.write(undefined).write(JSON.stringify([message(3)]));
    settleAll([a, b]);
    expect(b.json).toEqual([message(3)]);
  });

  it('of an inbox removed on two sites at once can be filled again', () => {
    const [a, b] = pair('inbox', JSON.stringify([message(1)]));
    a.write(undefined);
    b.write(undefined);
    settleAll([a, b]);
    a.write(JSON.stringify([message(1), message(2)]));
    settleAll([a, b]);
    expect(b.json).toEqual([message(1), message(2)]);
  });
});

describe('a text and JSON in one token', () => {
  it('the later write wins, whichever it is', () => {
    const [a, b] = pair('tokens', 'word');
    a.write('text', 2_000);
    b.write('{"token":"abc"}', 3_000);
    settleAll([a, b]);
    expect([a.shadow, b.shadow].map((text) => text?.replaceAll(/\s/g, ''))).toEqual([
      '{"token":"abc"}',
      '{"token":"abc"}',
    ]);
    a.write('last', 4_000);
    settleAll([a, b]);
    expect(b.shadow).toBe('last');
  });

  it('a later JSON wins over a text of a site that never knew JSON here', () => {
    const [a, b] = [new TestReplica('roflfaucet', 'tokens'), new TestReplica('clickforcharity', 'tokens')];
    a.write('text', 2_000);
    b.write('{"token":"abc"}', 3_000);
    settleAll([a, b]);
    expect(a.json).toEqual({ token: 'abc' });
  });

  it('nothing of an older JSON comes back with a newer one', () => {
    const a = new TestReplica('roflfaucet', 'tokens').write('{"x":1,"y":2}').write('text').write('{"y":3}');
    expect(a.json).toEqual({ y: 3 });
  });
});
