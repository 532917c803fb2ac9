import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TestReplica } from '../testing/simulation.js';
import { BATCH_FORMAT, type BatchHeader, decodeBatch, documentLine, encodeBatch, senderSite } from './batch.js';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

const header: Omit<BatchHeader, 'axle' | 'documents' | 'digest'> = {
  replica: 'roflfaucet~9f3a61c2',
  to_site: 'directsponsor',
  session: 'k3x9',
  from: 10,
  to: 12,
  head: 15,
  confirms: { replica: 'directsponsor~00000001', seq: 7, session: 'a1' },
  sent_at: 1_770_000_000_000,
};

const state = new TestReplica('roflfaucet').write('{"balance":5,"note":"caf\u00e9"}').state;
const line = documentLine('balances/1-andy', JSON.stringify(state), 1_770_000_000_123, 'roflfaucet');
const text = encodeBatch(header, [line, line.replace('1-andy', '2-bea')], digest);

/** The batch with another body or header, and a true digest: what a hostile peer can send. */
function forged(lines: readonly string[], change: Record<string, unknown> = {}): string {
  return encodeBatch({ ...header, ...change } as typeof header, lines, digest);
}

describe('a batch', () => {
  it('arrives as it was sent', () => {
    const decoded = decodeBatch(text, digest);
    expect(decoded).toMatchObject({ ok: true, batch: { header: { ...header, axle: BATCH_FORMAT, documents: 2 } } });
    if (!decoded.ok) return;
    expect(decoded.batch.documents.map(({ name }) => name)).toEqual(['balances/1-andy', 'balances/2-bea']);
    expect(decoded.batch.documents[0]).toMatchObject({ state, at: 1_770_000_000_123, by: 'roflfaucet' });
    expect(senderSite(decoded.batch.header)).toBe('roflfaucet');
  });

  it('may be empty', () => {
    expect(decodeBatch(encodeBatch(header, [], digest), digest)).toMatchObject({ ok: true, batch: { documents: [] } });
  });

  it('I6: cut short at any byte is refused', () => {
    for (let end = 0; end < text.length; end++)
      expect(decodeBatch(text.slice(0, end), digest).ok, `cut at ${end}`).toBe(false);
  });

  it('I6: with any bit flipped is refused, in the header too', () => {
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const flipped = Buffer.from(bytes);
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        expect(decodeBatch(flipped.toString(), digest).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('of an unknown format is refused by the name of the format', () => {
    expect(decodeBatch('{"axle":2,"anything":"else"}\n', digest)).toEqual({
      ok: false,
      code: 'AXL-BATCH-FORMAT',
      message: 'format 2; this version of Axle reads format 1',
    });
  });

  it.each([
    ['null', 'null\n'],
    ['a number', '5\n'],
    ['no JSON', '{\n'],
    ['a name that climbs', line.replace('balances/1-andy', 'balances/../x')],
    ['a lock', line.replace('1-andy', '1-andy.txt.lock/x.backup')],
    ['no site', line.replace('"by":"roflfaucet"', '"by":"a/b"')],
    ['a time that cannot be printed', line.replace('"at":1770000000123', '"at":1e999')],
    ['a time before 1970', line.replace('"at":1770000000123', '"at":-5')],
    ['no state', line.replace(/"s":.*/, '"s":5}')],
    ['a line too many', '\n'],
  ])('I10: with a document that is %s is refused whole', (_, bad) => {
    expect(decodeBatch(forged([line, bad]), digest)).toMatchObject({
      ok: false,
      code: expect.stringMatching(/^AXL-BATCH/),
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['a replica that is none', { replica: 'roflfaucet' }],
    ['a receiver that is none', { to_site: '../x' }],
    ['a session that is no word', { session: 'a b' }],
    ['a sequence that falls', { from: 13 }],
    ['a sequence that is no number', { to: '12' }],
    ['a negative sequence', { from: -1 }],
    ['a huge sequence', { head: 1e300 }],
    ['a malformed confirmation', { confirms: { replica: 'directsponsor~00000001', seq: -1, session: 'a' } }],
    ['a confirmation of nothing', { confirms: null }],
    ['a joining that is no switch', { joining: 'yes' }],
    ['a refusal that fills the log', { refused: { code: 'AXL', message: 'x'.repeat(100_000) } }],
  ])('with %s in the header is refused', (_, change) => {
    expect(decodeBatch(forged([], change), digest)).toMatchObject({ ok: false, code: 'AXL-BATCH-HEADER' });
  });
});
