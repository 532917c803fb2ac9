/** A site's host that also watches miners: what the agent there gets, and what is still to be done for that. Pure. */
import { stringify } from 'yaml';
import { minerDropIn } from '../common/runtime/units.js';
import { fingerprintOf, NOTE, unitText } from './desired.js';
import type { Facts } from './facts.js';
import { hubRelayOf, type SiteEntry } from './inventory.js';
import { MINER, placesOf } from './places.js';
import type { Change } from './plan.js';
import type { Tree } from './release/tree.js';

/** Whether it gives credits to the sidecar of its own host, for which a token is made there. */
export function creditsHere({ miner }: SiteEntry): boolean {
  const credit = creditOf(miner);
  return credit !== undefined && !('sidecar' in credit);
}

/** What a person says of credits; without it, the agent counts shares and gives nothing. */
function creditOf(miner: SiteEntry['miner']): Readonly<Record<string, unknown>> | undefined {
  return miner?.credit as Readonly<Record<string, unknown>> | undefined;
}

/** miner.yaml; undefined where the host has no agent. */
export function minerText(entry: SiteEntry): string | undefined {
  const { miner } = entry;
  if (miner === undefined) return undefined;
  const { socket, userdata } = placesOf(entry);
  const here = { sidecar: { socket }, token_file: MINER.token };
  const hub = hubRelayOf(miner);
  const config = {
    state: MINER.state,
    ...miner,
    ...(creditsHere(entry) && { credit: { ...here, ...creditOf(miner) } }),
    ...(hub && { relay: { ...(miner.relay as object), hub: { userdata, name: entry.site, ...hub } } }),
  };
  return `${NOTE}${stringify(config, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** What its unit opens beside its own state: the folder in which it publishes, and no other of the site's. */
function dropInText(entry: SiteEntry): string {
  return `${NOTE}${minerDropIn(hubRelayOf(entry.miner) ? [placesOf(entry).fleets] : [])}`;
}

/** What is in force once the agent has been started; undefined where there is none. */
export function minerFingerprint(entry: SiteEntry, tree: Tree): string | undefined {
  const text = minerText(entry);
  return text && fingerprintOf(tree.manifest.checksum, text, unitText(tree, MINER.unit), dropInText(entry));
}

/** How a file is compared and written: as in plan.ts. */
type FileChanges = (path: string, content: string, owner: string, mode: string) => Change[];

/** In the order in which it is done, behind everything of the site. */
export function minerChanges(
  entry: SiteEntry,
  facts: Facts,
  tree: Tree,
  file: FileChanges,
  steps: string | undefined,
): Change[] {
  const text = minerText(entry);
  const { unit, applied, tokenIsKnown } = facts.miner;
  if (text === undefined) {
    const isOurs = facts.files.get(MINER.config)?.content.startsWith(NOTE) ?? false;
    return isOurs ? [{ do: 'remove-miner', text: `${MINER.unit} stopped and taken away; ${MINER.state} stays` }] : [];
  }
  const changes: Change[] = [];
  if (creditsHere(entry) && !tokenIsKnown)
    changes.push({
      do: 'token',
      text: `token of the miner agent for the sidecar of ${entry.site} (miner-credits only)`,
    });
  changes.push(
    ...file(MINER.config, text, 'root:axle', '640').map((change) => ({ ...change, check: 'config' as const })),
    ...file(MINER.unitFile, unitText(tree, MINER.unit), 'root:root', '644'),
    ...file(MINER.dropIn, dropInText(entry), 'root:root', '644'),
    ...(steps === undefined ? [] : file(MINER.restartSteps, steps, 'root:root', '644')),
  );
  const isOpen = !hubRelayOf(entry.miner) || facts.folders.has(placesOf(entry).fleets);
  const isRunning = unit.active === 'active' && unit.enabled === 'enabled';
  if (!isRunning || !isOpen || changes.length > 0 || applied !== minerFingerprint(entry, tree))
    changes.push({
      do: 'start',
      what: 'miner',
      text: `${unit.active === 'active' ? 'restart' : 'start'} the miner agent, and wait until it is ready`,
    });
  return changes;
}
