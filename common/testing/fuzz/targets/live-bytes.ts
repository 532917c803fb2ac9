/** Bytes in a real live file, absorbed by a real replica: what is no document changes nothing, what is one can be shown. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import fc from 'fast-check';
import { absorb } from '../../../replica/absorb.js';
import { materialise } from '../../../replica/materialise.js';
import { showsReadable } from '../../mutations.js';
import type { Target } from '../target.js';
import { openWorld } from '../world.js';
import { anyText } from './live-content.js';

type Input = { readonly name: string; readonly bytes: Uint8Array };

const input: fc.Arbitrary<Input> = fc.constantFrom('balances', 'profiles', 'inbox', 'tokens').chain((kind) =>
  fc.record({
    name: fc.nat(5).map((user) => `${kind}/${user}-user`),
    bytes: fc.oneof(
      { weight: 9, arbitrary: anyText(kind).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
    ),
  }),
);

export const liveBytes: Target<Input> = {
  name: 'live files: bytes on disk',
  share: 30,
  input,
  open: () => {
    const world = openWorld('hub');
    const { replica } = world;
    const { store, files } = replica.world;
    return {
      run: async ({ name, bytes }) => {
        const before = store.known(name);
        fs.writeFileSync(files.pathOf(name), bytes);
        const [result] = await absorb(replica, [name]);
        const after = store.known(name);
        if (result?.outcome.kind === 'refused') {
          assert.deepEqual(after, before);
          return false;
        }
        assert.ok(after !== undefined);
        assert.equal(after.shadow, Buffer.from(bytes).toString('utf8'));
        const state = replica.stateOf(after);
        showsReadable(state, replica.policiesOf(name));
        // What is then written says nothing new when it is read again.
        await materialise(replica, [name]);
        const [again] = await absorb(replica, [name]);
        assert.equal(again?.outcome.kind, 'same');
        assert.deepEqual(replica.stateOf(store.known(name)), state);
        return true;
      },
      close: () => world.close(),
    };
  },
};
