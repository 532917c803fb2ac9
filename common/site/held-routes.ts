/** What `axle held` asks of a running daemon: the list of held changes, one of them, and what a person decided. */
import {
  approveHeld,
  type Decided,
  type HeldChange,
  type HeldLine,
  listHeld,
  rejectHeld,
  showHeld,
} from '../replica/held.js';
import type { Replica } from '../replica/replica.js';
import { ControlError, type ControlRoute } from '../runtime/control.js';

export type HeldRoutesOptions = {
  readonly replica: () => Replica;
  /** The live files of these documents are to be written, and there may be something to send. */
  readonly onDecided: (documents: readonly string[]) => void;
};

/** Answer of `held/list`; `next` asks for what follows. */
export type HeldList = { readonly changes: readonly HeldLine[]; readonly next?: number };
/** Answer of `held/show`. */
export type HeldShown = HeldChange;
/** Answer of `held/approve` and `held/reject`. `unknown`: ids that are in no list (any more). */
export type HeldDecided = { readonly done: number; readonly unknown: readonly number[] };

const LINES = 1_000;
/** Decided in one transaction. */
const GROUP = 500;
const IDS_MAX = 10_000;

export function heldRoutes({ replica, onDecided }: HeldRoutesOptions): Readonly<Record<string, ControlRoute>> {
  const decide = async (
    input: unknown,
    act: (replica: Replica, ids: readonly number[]) => Decided,
  ): Promise<HeldDecided> => {
    const here = replica();
    const ids = idsOf(input) ?? allIds(here);
    let done = 0;
    const unknown: number[] = [];
    for (let from = 0; from < ids.length; from += GROUP) {
      const decided = await here.exclusive(async () => act(here, ids.slice(from, from + GROUP)));
      done += decided.done.length;
      unknown.push(...decided.unknown);
      onDecided(decided.documents);
    }
    return { done, unknown };
  };
  return {
    'held/list': async (input): Promise<HeldList> => {
      const { after } = (input ?? {}) as { after?: unknown };
      const changes = listHeld(replica(), after === undefined ? 0 : idOf(input, 'after'), LINES);
      const last = changes.at(-1);
      return { changes, ...(changes.length === LINES && last !== undefined && { next: last.id }) };
    },
    'held/show': async (input): Promise<HeldShown> => {
      const id = idOf(input, 'id');
      const shown = showHeld(replica(), id);
      if (shown === undefined)
        throw new ControlError(
          'AXL-HELD-UNKNOWN',
          `there is no held change ${id}`,
          'axle held list shows what there is',
        );
      return shown;
    },
    'held/approve': (input) => decide(input, approveHeld),
    'held/reject': (input) => decide(input, rejectHeld),
  };
}

function allIds(replica: Replica): number[] {
  const ids: number[] = [];
  for (let rows = listIds(replica, 0); rows.length > 0; rows = listIds(replica, rows.at(-1) ?? 0)) ids.push(...rows);
  return ids;
}

function listIds(replica: Replica, after: number): number[] {
  return replica.world.store.heldAfter(after, LINES).map(({ id }) => id);
}

/** Undefined for `{ all: true }`. */
function idsOf(input: unknown): number[] | undefined {
  const { ids, all } = (input ?? {}) as { ids?: unknown; all?: unknown };
  if (all === true && ids === undefined) return undefined;
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > IDS_MAX || !ids.every(isId))
    throw new ControlError('AXL-BAD-INPUT', 'ids must be a list of numbers, or all must be true');
  return ids as number[];
}

function idOf(input: unknown, key: 'id' | 'after'): number {
  const id = ((input ?? {}) as Record<string, unknown>)[key];
  if (!isId(id)) throw new ControlError('AXL-BAD-INPUT', `${key} must be a number`);
  return id;
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
