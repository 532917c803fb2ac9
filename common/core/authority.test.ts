import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { history, SITES } from '../testing/arbitraries.js';
import { transactions } from '../testing/samples.js';
import { settleAll, TestReplica } from '../testing/simulation.js';
import { foreignIn, hasGenesis, ownPart, replacedGenesis } from './authority.js';
import { merge } from './merge.js';
import { type DocState, EMPTY } from './state.js';

const S = (site: string): string => `000000000010000@${site}`;

describe('what a site sends', () => {
  it('I1, I2: the parts that the sites send add up to everything', () => {
    fc.assert(
      fc.property(history, ({ replicas }) => {
        const all = replicas.map(({ state }) => state).reduce(merge, EMPTY);
        const parts = replicas.map(({ state, site }) => ownPart(state, site)).reduce(merge, EMPTY);
        expect(merge(parts, all)).toBe(parts);
        expect(merge(all, parts)).toBe(all);
      }),
      { numRuns: 400 },
    );
  });

  it('I1, I2: imports of the same files with differing lists add up too', () => {
    const list = (...seconds: number[]): string =>
      JSON.stringify({ balance: 5, recent_transactions: transactions(seconds) });
    const a = new TestReplica('roflfaucet').write(list(2, 1), 100, true);
    const b = new TestReplica('clickforcharity').write(list(2, 1, 1), 200, true);
    b.receive(a.state);
    const hub = merge(ownPart(a.state, a.site), ownPart(b.state, b.site));
    expect(merge(hub, b.state)).toBe(hub);
  });

  it('is its own: the hub finds nothing foreign in it', () => {
    fc.assert(
      fc.property(history, ({ replicas }) => {
        for (const { state, site } of replicas) expect(foreignIn(ownPart(state, site), site)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  it('is what the hub finds foreign from anybody else, unless it carries nothing of anybody', () => {
    fc.assert(
      fc.property(history, fc.constantFrom(...SITES), ({ replicas }, thief) => {
        for (const { state, site } of replicas) {
          const { life: _, ...part } = ownPart(state, site);
          if (site === thief || isAnonymous(part)) continue;
          expect(foreignIn(part, thief)).toBeDefined();
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is nothing where it has done nothing', () => {
    expect(ownPart(EMPTY, 'roflfaucet')).toEqual({});
    const a = new TestReplica('roflfaucet').write('{"balance":5,"recent_transactions":[]}');
    expect(ownPart(a.state, 'clickforcharity')).toEqual({});
  });

  it('tells the others of a drop at the cap even where nothing of its own is left in the list', () => {
    const [a, b] = [new TestReplica('roflfaucet'), new TestReplica('clickforcharity')];
    const rising = Array.from({ length: 10 }, (_, i) => i + 1);
    a.write(JSON.stringify({ recent_transactions: transactions(rising) }));
    settleAll([a, b]);
    b.write(JSON.stringify({ recent_transactions: transactions([...rising.slice(1), 20]) }));
    expect(merge(a.state, ownPart(b.state, b.site)).logs).toEqual(merge(a.state, b.state).logs);
    const floorOnly: DocState = { logs: { '/l': { added: {}, floor: 5 } } };
    expect(ownPart(floorOnly, 'roflfaucet')).toEqual(floorOnly);
  });
});

describe('what the hub refuses from a spoke', () => {
  it.each<[string, DocState, string]>([
    [
      'another’s credits',
      { counters: { '/balance': { by: { 'b~00000001': ['1', '0'] } } } },
      '/balance holds credits of b~00000001',
    ],
    [
      'the credits of a site with a longer name',
      { counters: { '/b': { by: { 'a-b~00000001': ['1', '0'] } } } },
      'credits of a-b',
    ],
    ['another’s genesis', { counters: { '/b': { genesis: ['1', S('b')], by: {} } } }, 'a stamp of b'],
    ['another’s shape', { counters: { '/b': { by: {}, shape: ['box', S('b')] } } }, 'a stamp of b'],
    ['another’s value', { registers: { '/x': ['1', S('b')] } }, 'a stamp of b'],
    ['another’s element', { sets: { '/x': { '1': [1, S('b'), 0] } } }, 'a stamp of b'],
    [
      'another’s entries',
      { logs: { '/l': { added: { 'b~00000001': { '{"time":1}': [1, S('a'), 0] } } } } },
      'entries of b',
    ],
    ['another’s import', { logs: { '/l': { added: { '~': { '{"time":1}': [1, S('b'), 0] } } } } }, 'a stamp of b'],
    [
      'another’s removals',
      { logs: { '/l': { added: {}, removed: { 'b~00000001': { '{"time":1}': 1 } } } } },
      'removals of b',
    ],
    ['another’s cap', { logs: { '/l': { added: {}, form: [{ newest: 'first', cap: 1 }, S('b')] } } }, 'a stamp of b'],
    ['another’s maximum', { max: { '/m': { b: '9' } } }, '/m holds a value of b'],
    ['another’s text', { whole: ['x', S('b')] }, 'a stamp of b'],
    ['another’s form', { form: [{ order: [], style: {} as never }, S('b')] }, 'a stamp of b'],
    ['another’s delete', { dead: [0, S('b')] }, 'a stamp of b'],
  ])('%s', (_, part, words) => {
    expect(foreignIn(part, 'a')).toContain(words);
    expect(foreignIn(part, 'b') === undefined || words.includes('a-b') || JSON.stringify(part).includes('@a')).toBe(
      true,
    );
  });
});

describe('genesis', () => {
  const with_ = (value: string, site: string): DocState => ({
    counters: { '/b': { genesis: [value, S(site)], by: {} } },
  });

  it('is known to be in a part', () => {
    expect([hasGenesis(with_('1', 'a')), hasGenesis({ counters: { '/b': { by: {} } } }), hasGenesis({})]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('is replaced where amount or stamp differ from a known one', () => {
    expect(replacedGenesis(with_('1', 'a'), with_('2', 'a'))).toBe('/b');
    expect(replacedGenesis(with_('1', 'a'), with_('1', 'b'))).toBe('/b');
    expect(replacedGenesis(with_('1', 'a'), with_('1', 'a'))).toBeUndefined();
    expect(replacedGenesis({}, with_('1', 'a'))).toBeUndefined();
  });
});

/** Nothing in it names a site: empty lists and sets, and floors. */
function isAnonymous(part: DocState): boolean {
  return !/[@~]|"max"/.test(JSON.stringify(part).replaceAll(/"\/[^"]*"/g, ''));
}
