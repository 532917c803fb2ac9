/**
 * Who may send what. A spoke sends what its own site contributed (in this incarnation or an earlier one), and nothing
 * else; the hub refuses a batch that holds anything more. One compromised site cannot touch another's credits.
 */
import { stampsOf } from './decode.js';
import { merge } from './merge.js';
import { stampSite } from './stamp.js';
import { type DocState, GENESIS, type LogState, replicaSite } from './state.js';

/** The part of a state that `site` contributed: what a spoke sends up. */
export function ownPart(state: DocState, site: string): DocState {
  const isOwn = (stamp: string): boolean => stampSite(stamp) === site;
  const part: { -readonly [K in keyof DocState]: DocState[K] } = {};
  const counters = mapRecord(state.counters, ({ genesis, by, given, shape }) => {
    const mine = owned(by, site);
    const gave = given && owned(given, site);
    const keepGenesis = genesis !== undefined && isOwn(genesis[1]);
    const keepShape = shape !== undefined && isOwn(shape[1]);
    if (mine === undefined && gave === undefined && !keepGenesis && !keepShape) return undefined;
    return {
      ...(keepGenesis && { genesis }),
      by: mine ?? {},
      ...(gave && { given: gave }),
      ...(keepShape && { shape }),
    };
  });
  const registers = mapRecord(state.registers, (register) => (isOwn(register[1]) ? register : undefined));
  const sets = mapRecord(state.sets, (set) => {
    const own = mapRecord(set, (element) => (isOwn(element[1]) ? element : undefined));
    // An empty set is news too, as long as it is not somebody else's.
    return own ?? (Object.keys(set).length === 0 ? {} : undefined);
  });
  const logs = mapRecord(state.logs, (log) => ownLog(log, site, isOwn));
  const max = mapRecord(state.max, (numbers) =>
    Object.hasOwn(numbers, site) ? { [site]: numbers[site] as string } : undefined,
  );
  if (counters) part.counters = counters;
  if (registers) part.registers = registers;
  if (sets) part.sets = sets;
  if (logs) part.logs = logs;
  if (max) part.max = max;
  if (state.whole && isOwn(state.whole[1])) part.whole = state.whole;
  if (state.form && isOwn(state.form[1])) part.form = state.form;
  if (state.life !== undefined) part.life = state.life;
  if (state.dead && isOwn(state.dead[1])) part.dead = state.dead;
  return part;
}

/**
 * What a peer of a restored hub may tell: its own part, and what the hub itself contributed and no longer knows. Everybody
 * else speaks for themselves.
 */
export function remembered(state: DocState, sender: string, hub: string): DocState {
  return merge(ownPart(state, sender), ownPart(state, hub));
}

function ownLog(log: LogState, site: string, isOwn: (stamp: string) => boolean): LogState | undefined {
  const cells = owned(log.added, site);
  const imported = log.added[GENESIS] && mapRecord(log.added[GENESIS], (cell) => (isOwn(cell[1]) ? cell : undefined));
  const removed = log.removed && owned(log.removed, site);
  const form = log.form && isOwn(log.form[1]) ? log.form : undefined;
  // A floor is nobody's own, like `life`: it is always sent, or an entry that one site dropped would stay on the others.
  if (!cells && !imported && !removed && !form && log.floor === undefined) return undefined;
  return {
    added: { ...cells, ...(imported && { [GENESIS]: imported }) },
    ...(removed && { removed }),
    ...(log.floor !== undefined && { floor: log.floor }),
    ...(form && { form }),
  };
}

/** What belongs to the replicas of a site. */
function owned<T>(from: Readonly<Record<string, T>>, site: string): Record<string, T> | undefined {
  let out: Record<string, T> | undefined;
  for (const replica of Object.keys(from)) {
    if (replica === GENESIS || replicaSite(replica) !== site) continue;
    out ??= {};
    out[replica] = from[replica] as T;
  }
  return out;
}

function mapRecord<T, U>(
  from: Readonly<Record<string, T>> | undefined,
  map: (value: T) => U | undefined,
): Record<string, U> | undefined {
  if (from === undefined) return undefined;
  let out: Record<string, U> | undefined;
  for (const key of Object.keys(from)) {
    const mapped = map(from[key] as T);
    if (mapped === undefined) continue;
    out ??= {};
    out[key] = mapped;
  }
  return out;
}

/** What in `part` is not `site`'s to send, in words; undefined where all is its own. */
export function foreignIn(part: DocState, site: string): string | undefined {
  const isForeign = (replica: string): boolean => replica !== GENESIS && replicaSite(replica) !== site;
  for (const [path, { by, given }] of Object.entries(part.counters ?? {})) {
    for (const owner of Object.keys(by)) if (isForeign(owner)) return `${path} holds credits of ${owner}`;
    for (const giver of Object.keys(given ?? {})) if (isForeign(giver)) return `${path} holds rights given by ${giver}`;
  }
  for (const [path, log] of Object.entries(part.logs ?? {})) {
    for (const owner of Object.keys(log.added)) if (isForeign(owner)) return `${path} holds entries of ${owner}`;
    for (const owner of Object.keys(log.removed ?? {}))
      if (isForeign(owner)) return `${path} holds removals of ${owner}`;
  }
  for (const [path, numbers] of Object.entries(part.max ?? {}))
    for (const owner of Object.keys(numbers)) if (owner !== site) return `${path} holds a value of ${owner}`;
  for (const stamp of stampsOf(part)) if (stampSite(stamp) !== site) return `a stamp of ${stampSite(stamp)}`;
  return undefined;
}

/** Path of a counter whose known genesis `part` would replace; undefined where there is none. */
export function replacedGenesis(known: DocState, part: DocState): string | undefined {
  for (const [path, { genesis }] of Object.entries(part.counters ?? {})) {
    const before = known.counters?.[path]?.genesis;
    if (genesis && before && (genesis[0] !== before[0] || genesis[1] !== before[1])) return path;
  }
  return undefined;
}

/** Whether a part brings amounts from before its site joined. */
export function hasGenesis(part: DocState): boolean {
  return Object.values(part.counters ?? {}).some((counter) => counter.genesis !== undefined);
}
