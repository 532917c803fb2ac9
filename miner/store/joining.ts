/**
 * What waits for long, or was paid long ago, is kept by the day: else years of a thousand miners are gone through again and
 * again. Nothing is lost by it: sums are exact, and a day (UTC) stays that day.
 */
import type Database from 'better-sqlite3';
import Big from 'big.js';
import type { CreditRow } from './credits.js';
import type { WorkGroup, WorkRow, Works } from './works.js';

const DAY_S = 86_400;
/** So many rows are looked at in a step. */
const ROWS_MAX = 250;

interface Worker {
  readonly worker_key: string;
  readonly worker: string;
}

/** Joins some periods of a worker that begin after `after` and end before `until`; returns from where to go on, if at all. */
type Join = (worker: Worker, after: number, until: number) => number | undefined;

/** All workers, each from its oldest period on, some rows at a time. Once for every day that has become old enough. */
class Pass {
  readonly #next: Database.Statement<[string, string], Worker>;
  readonly #join: Join;
  #done_until = Number.NEGATIVE_INFINITY;
  #worker: Worker = { worker_key: '', worker: '' };
  #after: number | undefined;

  /** `next`: the worker behind another one. */
  constructor(next: Database.Statement<[string, string], Worker>, join: Join) {
    this.#next = next;
    this.#join = join;
  }

  /** False: nothing is due. */
  step(until: number): boolean {
    if (until === this.#done_until) return false;
    if (this.#after === undefined) {
      const worker = this.#next.get(this.#worker.worker_key, this.#worker.worker);
      if (worker === undefined) {
        this.#done_until = until;
        this.#worker = { worker_key: '', worker: '' };
        return false;
      }
      this.#worker = worker;
    }
    this.#after = this.#join(this.#worker, this.#after ?? Number.NEGATIVE_INFINITY, until);
    return true;
  }
}

export class Joining {
  readonly #db: Database.Database;
  readonly #works: Works;
  readonly #worksPass: Pass;
  readonly #creditsPass: Pass;

  constructor(db: Database.Database, works: Works) {
    this.#db = db;
    this.#works = works;
    this.#worksPass = new Pass(
      db.prepare(
        `SELECT worker_key, worker FROM works INDEXED BY works_unassigned WHERE state = 'unassigned' AND (worker_key, worker) > (?, ?)
         ORDER BY worker_key, worker LIMIT 1`,
      ),
      (worker, after, until) => this.#joinWorks(worker, after, until),
    );
    this.#creditsPass = new Pass(
      db.prepare(
        `SELECT miner AS worker_key, worker FROM credits WHERE (miner, worker) > (?, ?) ORDER BY miner, worker LIMIT 1`,
      ),
      (worker, after, until) => this.#joinCredits(worker, after, until),
    );
  }

  /** One step; false: nothing is due now. `credits_d`: paid credits are kept one by one for so long. */
  step(now_s: number, credits_d: number): boolean {
    const today_s = now_s - (now_s % DAY_S);
    return this.#worksPass.step((today_s - DAY_S) * 1_000) || this.#creditsPass.step(today_s - credits_d * DAY_S);
  }

  /**
   * Works that are nobody's: periods of a day that follow one another become one, where nothing else of the worker lies
   * between them, and the same pools are in them, so that whose they are is found as before.
   */
  #joinWorks({ worker_key, worker }: Worker, after: number, until: number): number | undefined {
    const read = this.#works.groupsOf('unassigned', worker_key, worker, ROWS_MAX, after);
    const old = read.filter(([{ to_at }]) => to_at < until);
    const runs = runsOf(old.map(inOrder), (one, other) => this.#isOne(one, other));
    for (const run of runs) if (run.length > 1) this.#joinGroups(run);
    return old.length < read.length ? undefined : placeAfter(runs, ([{ from_at }]) => from_at);
  }

  #isOne(one: WorkGroup, other: WorkGroup): boolean {
    const [first] = one;
    const [{ worker_key, worker, from_at, to_at }] = other;
    if (dayOf(first.to_at / 1_000) !== dayOf(to_at / 1_000) || namesOf(one) !== namesOf(other)) return false;
    return first.to_at === from_at || !this.#isBetween(worker_key, worker, first.to_at, from_at);
  }

  /** Something of the worker that is not unassigned. Of what was credited, the works may be gone, and the credit is there. */
  #isBetween(worker_key: string, worker: string, from_at: number, to_at: number): boolean {
    return (
      this.#db
        .prepare(
          `SELECT 1 FROM works WHERE state IN ('held', 'refused', 'credited') AND worker_key = @worker_key AND worker = @worker
             AND from_at >= @from_at AND from_at < @to_at
           UNION ALL SELECT 1 FROM credits WHERE miner = @worker_key AND worker = @worker
             AND from_s >= @from_at / 1000 AND from_s < @to_at / 1000 LIMIT 1`,
        )
        .get({ worker_key, worker, from_at, to_at }) !== undefined
    );
  }

  #joinGroups(run: readonly WorkGroup[]): void {
    const [first, last] = [run[0] as WorkGroup, run.at(-1) as WorkGroup];
    const put = this.#db.prepare(
      'UPDATE works SET to_at = ?, difficulty = ?, shares = ?, is_estimate = ? WHERE id = ?',
    );
    const remove = this.#db.prepare('DELETE FROM works WHERE id = ?');
    for (const [place, { id }] of first.entries()) {
      const all = run.map((group) => group[place] as WorkRow);
      const shares = all.reduce((total, one) => total + one.shares, 0);
      put.run(last[0].to_at, sumOf(all, 'difficulty'), shares, isAnEstimate(all), id);
      for (const one of all.slice(1)) remove.run(one.id);
    }
  }

  /** Paid credits of one user, day and rate become one, with the number and the site's answer of the last. */
  #joinCredits({ worker_key, worker }: Worker, after: number, until: number): number | undefined {
    const read = this.#db
      .prepare<[string, string, number, number], CreditRow>(
        'SELECT * FROM credits WHERE miner = ? AND worker = ? AND from_s > ? ORDER BY from_s, to_s LIMIT ?',
      )
      .all(worker_key, worker, after, ROWS_MAX);
    const old = read.filter(({ to_s }) => to_s < until);
    const runs = runsOf(
      old,
      (one, other) =>
        one.state === 'paid' &&
        other.state === 'paid' &&
        one.user === other.user &&
        one.worth === other.worth &&
        dayOf(one.to_s) === dayOf(other.to_s),
    );
    for (const run of runs) if (run.length > 1) this.#joinRows(run);
    return old.length < read.length ? undefined : placeAfter(runs, ({ from_s }) => from_s);
  }

  #joinRows(run: readonly CreditRow[]): void {
    const [first, last] = [run[0] as CreditRow, run.at(-1) as CreditRow];
    const remove = this.#db.prepare('DELETE FROM credits WHERE id = ?');
    for (const { id } of run.slice(0, -1)) remove.run(id);
    const credits = run.reduce((total, one) => total + one.credits, 0);
    this.#db
      .prepare('UPDATE credits SET from_s = ?, amount = ?, difficulty = ?, is_estimate = ?, credits = ? WHERE id = ?')
      .run(first.from_s, sumOf(run, 'amount'), sumOf(run, 'difficulty'), isAnEstimate(run), credits, last.id);
  }
}

/** Values in their order, in groups in which each is one with the one before it. */
function runsOf<T>(values: readonly T[], isOne: (before: T, value: T) => boolean): T[][] {
  const runs: T[][] = [];
  for (const value of values) {
    const run = runs.at(-1);
    if (run !== undefined && isOne(run.at(-1) as T, value)) run.push(value);
    else runs.push([value]);
  }
  return runs;
}

/** Behind what was read; a run at its end is looked at again, because it may go on. Undefined: nothing was read. */
function placeAfter<T>(runs: readonly (readonly T[])[], fromOf: (value: T) => number): number | undefined {
  const last = runs.at(-1);
  const [first] = last ?? [];
  if (last === undefined || first === undefined) return undefined;
  const isAlone = runs.length === 1 && last.length === 1;
  return isAlone ? fromOf(first) : fromOf(first) - 1;
}

function inOrder(group: WorkGroup): WorkGroup {
  return group.toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1)) as [WorkRow, ...WorkRow[]];
}

function namesOf(group: WorkGroup): string {
  return group.map(nameOf).join('\n');
}

function nameOf({ miner_id, pool_url, pool_user, reason }: WorkRow): string {
  return JSON.stringify([miner_id, pool_url, pool_user, reason]);
}

function dayOf(at_s: number): number {
  return Math.floor(at_s / DAY_S);
}

function sumOf<K extends string>(rows: readonly Readonly<Record<K, string>>[], name: K): string {
  return rows.reduce((total, one) => total.plus(one[name]), new Big(0)).toFixed();
}

function isAnEstimate(rows: readonly { readonly is_estimate: 0 | 1 }[]): 0 | 1 {
  return rows.some(({ is_estimate }) => is_estimate === 1) ? 1 : 0;
}
