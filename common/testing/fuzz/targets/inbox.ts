/** Files in a real inbox, met by a real link, replica and store: what is refused changes nothing, what is taken can be shown. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { replicaSite } from '../../../core/state.js';
import { materialise } from '../../../replica/materialise.js';
import type { Replica } from '../../../replica/replica.js';
import type { DocumentRow } from '../../../replica/store.js';
import { showsReadable } from '../../mutations.js';
import { type BatchInput, batchInput, batchText } from '../batches.js';
import type { Target } from '../target.js';
import { openWorld, type World } from '../world.js';

/** Writing files is ten times the price of merging: every so many accepted batches. */
const SHOW_EVERY = 8;

function target(role: 'hub' | 'spoke', share: number): Target<BatchInput> {
  return {
    name: `batches: the inbox of a ${role}`,
    share,
    input: batchInput(role === 'hub' ? 'roflfaucet' : undefined),
    open: () => {
      const world = openWorld(role);
      let n = 0;
      return {
        run: async (input) => {
          n += 1;
          const text = batchText(input, header(world, n, input.isNewIncarnation));
          const { replica, link, inbox } = world;
          fs.writeFileSync(path.join(inbox, `${String(n).padStart(16, '0')}-${world.peer}~00000001-0000.batch`), text);
          world.hasChanged();
          const head = replica.head;
          const result = await link.receiveOnce();
          assert.deepEqual(fs.readdirSync(inbox), [], 'a batch stays in the inbox');
          if (result === 'refused') {
            assert.equal(world.hasChanged(), false, 'a refused batch has changed the store');
            assert.equal(replica.head, head);
            return false;
          }
          assert.equal(result, 'received');
          const rows = replica.world.store.documentsAfterId(0, 1_000);
          for (const row of rows) {
            showsReadable(replica.stateOf(row), replica.policiesOf(row.name));
            if (role === 'hub') onlyOfPeer(world, Object.values(replica.stateOf(row).counters ?? {}));
          }
          if (n % SHOW_EVERY === 0) await showAll(world);
          return true;
        },
        close: () => world.close(),
      };
    },
  };
}

/** What the peer would say next, in good order. */
function header({ replica, peer }: World, n: number, isNew: boolean): Parameters<typeof batchText>[1] {
  const known = replica.world.store.peer(peer);
  const applied = known?.applied ?? 0;
  return {
    replica: isNew || known === undefined ? `${peer}~${n.toString(16).padStart(8, '0')}` : known.replica,
    to_site: replica.world.site,
    session: `s${n % 7}`,
    from: applied,
    to: applied + 1,
    head: applied + 1,
    ...(n % 3 === 0 && { confirms: { replica: replica.id, seq: Math.min(n, replica.head), session: 'abc123' } }),
    sent_at: 1_770_000_000_000 + n,
  };
}

/** Authority: nothing that one spoke sends is another's credit. */
function onlyOfPeer({ peer }: World, counters: readonly { readonly by: object }[]): void {
  for (const { by } of counters) for (const owner of Object.keys(by)) assert.equal(replicaSite(owner), peer);
}

async function showAll({ replica }: World): Promise<void> {
  const dirty = replica.world.store.dirtyAfter(0, 12).map(({ name }) => name);
  await materialise(replica, dirty);
  for (const { outcome, absorbed } of await materialise(replica, dirty)) {
    // Without an amount, a forged state may show as what is no document of its kind: it stays as torn, and is told.
    if (absorbed.outcome.kind === 'refused') assert.equal(Object.keys(counters(replica, absorbed.known)).length, 0);
    else assert.equal(outcome.kind, 'same');
  }
}

function counters(replica: Replica, row: DocumentRow | undefined): object {
  return replica.stateOf(row).counters ?? {};
}

export const hubInbox = target('hub', 40);
export const spokeInbox = target('spoke', 30);
