/** Batches that are right, nearly right or junk, as a peer could put them into an inbox. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { ownPart } from '../../core/authority.js';
import { documentLine, encodeBatch } from '../../core/batch.js';
import { history } from '../arbitraries.js';
import { JUNK, type Mutation, mutate, mutatedText, mutation } from '../mutations.js';

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

type Tear = { readonly at: number; readonly length: number; readonly piece: string };

export type BatchInput = {
  /** Document lines, of which some are mutated or junk. */
  readonly lines: readonly string[];
  /** Mutations of the header, before it is signed. */
  readonly header: readonly Mutation[];
  /** Whether it says to come from an incarnation that is not known yet. */
  readonly isNewIncarnation: boolean;
  /** What happened to the finished text on its way, if anything. */
  readonly tear: Tear | undefined;
};

const tear: fc.Arbitrary<Tear> = fc.record({
  at: fc.nat(6_000),
  length: fc.nat(30),
  piece: fc.constantFrom(...JUNK),
});

/** `site`: whose part of the states is sent (a spoke's batch); undefined sends whole states (a hub's). */
export function batchInput(site: string | undefined): fc.Arbitrary<BatchInput> {
  const line = fc
    .record({
      history,
      user: fc.nat(5),
      mutations: fc.oneof(
        { weight: 2, arbitrary: fc.constant<Mutation[]>([]) },
        { weight: 1, arbitrary: fc.array(mutation, { maxLength: 2 }) },
      ),
      at: fc.oneof({ weight: 9, arbitrary: fc.nat(2_000_000_000_000) }, { weight: 1, arbitrary: fc.double() }),
    })
    .map(({ history: { kind, replicas }, user, mutations, at }) => {
      const state = replicas[site === undefined ? 0 : 1]?.state ?? {};
      const value: unknown = JSON.parse(JSON.stringify(site === undefined ? state : ownPart(state, site)));
      for (const one of mutations) mutate(value, one);
      return documentLine(`${kind}/${user}-user`, JSON.stringify(value), at, site ?? 'clickforcharity');
    });
  const anyLine = fc.oneof(
    { weight: 12, arbitrary: line },
    { weight: 1, arbitrary: mutatedText(line).map((text) => `${text.replaceAll('\n', ' ')}\n`) },
    { weight: 1, arbitrary: fc.constantFrom(...JUNK).map((text) => `${text.replaceAll('\n', ' ')}\n`) },
  );
  return fc.record({
    lines: fc.array(anyLine, { maxLength: 3 }),
    header: fc.oneof(
      { weight: 4, arbitrary: fc.constant<Mutation[]>([]) },
      { weight: 1, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 2 }) },
    ),
    isNewIncarnation: fc.nat(30).map((n) => n === 0),
    tear: fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: tear }),
  });
}

/** The bytes of the batch; `right` is a header that the receiver would take. */
export function batchText(input: BatchInput, right: Parameters<typeof encodeBatch>[0]): string {
  const header = structuredClone(right) as Record<string, unknown>;
  for (const one of input.header) mutate(header, one);
  const text = encodeBatch(header as typeof right, input.lines, digest);
  if (input.tear === undefined) return text;
  const { at, length, piece } = input.tear;
  const from = at % (text.length + 1);
  return text.slice(0, from) + piece + text.slice(from + length);
}
