/** A small file written at one site as its PHP would, seen at all others, and removed again. */
import { randomBytes } from 'node:crypto';
import { DeployError } from './error.js';
import { type Inventory, type SiteEntry, sitesOf } from './inventory.js';
import { placesOf } from './places.js';
import type { Remote } from './remote.js';

/**
 * A token: what is removed at one site goes away at all of them, where a balance would be written back. One name for
 * ever: one tombstone for ever.
 */
const DOCUMENT = 'tokens/axle-deploy-check';

const WAIT_S = 45;

const WRITE = `
set -eu
runuser -u "$2" -- sh -c 'cat > "$1"' sh "$1"
`;
const REMOVE = `runuser -u "$2" -- rm -f "$1"`;
const SEEN = `
n=0
until grep -q "$2" "$1" 2>/dev/null; do
  n=$((n + 1))
  [ "$n" -lt ${WAIT_S * 50} ] || exit 1
  sleep 0.02
done
`;
const GONE = `
n=0
while [ -e "$1" ]; do
  n=$((n + 1))
  [ "$n" -lt ${WAIT_S * 50} ] || exit 1
  sleep 0.02
done
`;

export type Arrival = { readonly site: string; readonly ms: number };

/** Resolves to when each other site had it, ssh's own time included. Nothing of it stays, however it ends. */
export async function testTravel(inventory: Inventory, remoteOf: (entry: SiteEntry) => Remote): Promise<Arrival[]> {
  const from = inventory.spokes.find((spoke) => !spoke.pulls) ?? inventory.hub;
  const others = sitesOf(inventory).filter((entry) => entry !== from);
  const fileOf = (entry: SiteEntry): string => `${placesOf(entry).userdata}/${DOCUMENT}.txt`;
  const nonce = randomBytes(8).toString('hex');
  const timeout_ms = (WAIT_S + 30) * 1000;
  const waitFor = async (script: string, entry: SiteEntry, what: string, args: readonly string[]): Promise<number> => {
    const { code } = await remoteOf(entry).run(script, [fileOf(entry), ...args], { timeout_ms });
    if (code === 0) return performance.now();
    throw new DeployError(
      entry.site,
      `the test file of ${from.site} was not ${what} here within ${WAIT_S} s`,
      `Look at the journal of ${placesOf(entry).unit} on both hosts; the hub must reach each spoke by ssh, and each spoke the hub.`,
    );
  };
  try {
    const began = performance.now();
    const seen = others.map((entry) => waitFor(SEEN, entry, 'seen', [nonce]));
    const all = Promise.all(seen);
    // Whoever fails first is told of below; this keeps the others from being unhandled meanwhile.
    all.catch(() => undefined);
    const content = `${JSON.stringify({ axle_deploy_check: nonce })}\n`;
    await remoteOf(from).must(`writing as ${from.owner.user}`, WRITE, [fileOf(from), from.owner.user], {
      stdin: content,
    });
    const arrivals = await all;
    await remoteOf(from).run(REMOVE, [fileOf(from), from.owner.user]);
    await Promise.all(others.map((entry) => waitFor(GONE, entry, 'removed', [])));
    return arrivals.map((at, index) => ({ site: others[index]?.site ?? '', ms: at - began }));
  } catch (error) {
    // What arrives late goes away by this as well.
    await remoteOf(from).run(REMOVE, [fileOf(from), from.owner.user]);
    throw error;
  }
}
