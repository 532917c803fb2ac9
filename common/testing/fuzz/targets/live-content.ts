/** The text of a live file of any kind: junk is refused, and what is accepted becomes a state that peers accept. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readContent } from '../../../core/content.js';
import { decodeState } from '../../../core/decode.js';
import { merge } from '../../../core/merge.js';
import { balanceText, inboxText, profileText, tokenText } from '../../arbitraries.js';
import { JUNK, mutatedText, showsReadable } from '../../mutations.js';
import { SAMPLES } from '../../samples.js';
import { TestReplica } from '../../simulation.js';
import type { Target } from '../target.js';

const TEXTS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  balances: balanceText,
  profiles: profileText,
  inbox: inboxText,
  tokens: tokenText,
};

/** A document's text that is right, nearly right or junk. */
export function anyText(kind: string): fc.Arbitrary<string> {
  const samples = SAMPLES.filter((sample) => sample.kind === kind).map(({ text }) => text);
  const right = fc.oneof(TEXTS[kind] as fc.Arbitrary<string>, fc.constantFrom(...samples));
  return fc.oneof(
    { weight: 4, arbitrary: mutatedText(right) },
    { weight: 1, arbitrary: mutatedText(fc.constantFrom(...JUNK)) },
    { weight: 1, arbitrary: fc.json({ maxDepth: 6 }) },
  );
}

type Input = { readonly kind: string; readonly before: string; readonly text: string };

export const liveContent: Target<Input> = {
  name: 'live files: content',
  share: 200,
  input: fc
    .constantFrom(...Object.keys(TEXTS))
    .chain((kind) =>
      fc.record({ kind: fc.constant(kind), before: TEXTS[kind] as fc.Arbitrary<string>, text: anyText(kind) }),
    ),
  open: () => ({
    run: ({ kind, before, text }) => {
      const here = new TestReplica('roflfaucet', kind).write(before);
      if (readContent(text, here.policies).kind === 'invalid') return false;
      const first = here.state;
      const { state } = here.write(text, 2_000);
      assert.deepEqual(decodeState(JSON.parse(JSON.stringify(state))), state);
      assert.deepEqual(merge(first, state), merge(state, first));
      assert.equal(merge(state, decodeState(JSON.parse(JSON.stringify(state)))), state);
      showsReadable(state, here.policies);
      const there = new TestReplica('clickforcharity', kind).receive(state).materialise();
      if (there.shadow !== undefined) assert.notEqual(readContent(there.shadow, there.policies).kind, 'invalid');
      // What Axle writes itself says nothing new.
      const shown = here.materialise().state;
      assert.equal(here.write(here.shadow, 3_000).state, shown);
      return true;
    },
  }),
};
