import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ASK_MAX, faultOfComparison, NODES_MAX } from './comparison.js';
import { bucketOf, childrenOf, documentDigest, nodeDigest, parseNode } from './digest-tree.js';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the tree of digests', () => {
  it('puts every document into one of 4,096 buckets of its kind, by its name alone', () => {
    const buckets = new Set<string>();
    const all = new Set(childrenOf('balances', 'kind').flatMap((group) => childrenOf(group, 'group')));
    expect(all.size).toBe(4_096);
    for (let i = 0; i < 5_000; i++) {
      const bucket = bucketOf(`balances/${i}-user`, digest);
      expect(all.has(bucket)).toBe(true);
      buckets.add(bucket);
    }
    expect(buckets.size).toBeGreaterThan(2_500);
    expect(bucketOf('a/b/1-x', digest)).toMatch(/^a\/b:[0-7]{4}$/);
  });

  it.each([
    ['balances', 'kind'],
    ['balances:35', 'group'],
    ['balance-tiers/hourly:3517', 'bucket'],
  ])('%s is a %s', (node, level) => {
    expect(parseNode(node)?.level).toBe(level);
  });

  it.each(['', 'balances:', 'balances:8', 'balances:351', 'balances:35178', 'balances:35:17', '../x', '.axle:35'])(
    '%s is no node',
    (node) => {
      expect(parseNode(node)).toBeUndefined();
    },
  );

  it('tells one document from another by name and by state', () => {
    const one = documentDigest('balances/1', '{}', digest);
    expect(one).toMatch(/^[0-9a-f]{16}$/);
    expect(documentDigest('balances/2', '{}', digest)).not.toBe(one);
    expect(documentDigest('balances/1', '{"life":1}', digest)).not.toBe(one);
  });

  it('has no digest for nothing, and another one for what moved from one child to the next', () => {
    expect(nodeDigest([], digest)).toBe('');
    expect(nodeDigest(['', ''], digest)).toBe('');
    expect(nodeDigest(['a', ''], digest)).not.toBe(nodeDigest(['', 'a'], digest));
  });
});

const D = '0123456789abcdef';

describe('a part of a comparison from outside', () => {
  it.each([
    { id: 'a1', step: 'digests', nodes: { balances: D, 'profiles:35': '' } },
    { id: 'a1', step: 'documents', buckets: ['balances:3517'], documents: { 'balances/1-andy': D } },
    { id: 'a1', step: 'same' },
    { id: 'a1', step: 'ask', names: ['balances/1-andy'], whole: true },
    { id: 'a1', step: 'told', documents: { 'balances/1-andy': '' } },
    { id: 'a1', step: 'ask all', after: 0 },
    { id: 'a1', step: 'told all', after: 0, to: 10, more: true },
    { id: 'a1', step: 'something of a later version', with: [1] },
  ])('is good: %j', (part) => {
    expect(faultOfComparison(part)).toBeUndefined();
  });

  it.each([
    null,
    [],
    {},
    { id: 'A', step: 'same' },
    { id: 'a', step: 1 },
    { id: 'a', step: 'x'.repeat(33) },
    { id: 'a', step: 'digests', nodes: { '../etc': D } },
    { id: 'a', step: 'digests', nodes: { balances: 'D' } },
    { id: 'a', step: 'digests', nodes: [D] },
    { id: 'a', step: 'documents', buckets: 'balances:3517', documents: {} },
    { id: 'a', step: 'documents', buckets: [], documents: { 'balances/../x': D } },
    { id: 'a', step: 'ask', names: ['/etc/passwd'] },
    { id: 'a', step: 'ask', names: Array.from({ length: ASK_MAX + 1 }, (_, i) => `balances/${i}`) },
    { id: 'a', step: 'ask', names: [], whole: 'yes' },
    { id: 'a', step: 'told', documents: { 'balances/1': null } },
    { id: 'a', step: 'ask all', after: -1 },
    { id: 'a', step: 'ask all', after: 0.5 },
    { id: 'a', step: 'told all', after: 5, to: 4, more: false },
    { id: 'a', step: 'told all', after: 0, to: 4 },
  ])('is not: %j', (part) => {
    expect(faultOfComparison(part)).toBeTypeOf('string');
  });

  it('is not where it names more nodes than a message holds', () => {
    const nodes = Object.fromEntries(Array.from({ length: NODES_MAX + 1 }, (_, i) => [`k${i}`, D]));
    expect(faultOfComparison({ id: 'a', step: 'digests', nodes })).toBeTypeOf('string');
  });

  it('never throws', () => {
    const step = fc.constantFrom('digests', 'documents', 'same', 'ask', 'told', 'ask all', 'told all');
    const part = fc
      .record({ id: fc.constant('a'), step })
      .chain((base) =>
        fc
          .dictionary(fc.constantFrom('nodes', 'buckets', 'documents', 'names', 'after', 'to', 'more'), fc.jsonValue())
          .map((rest) => ({ ...rest, ...base })),
      );
    fc.assert(
      fc.property(fc.oneof(part, fc.jsonValue()), (value) => {
        faultOfComparison(value);
      }),
      { numRuns: 2_000 },
    );
  });
});
