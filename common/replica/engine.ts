/**
 * The engine's loops: hints become looks, looks become absorbed changes, states become live files. Loops only wait; what
 * happens is in `absorb`, `materialise` and `absorbLateWrites`, which say what they did.
 */
import { type AbsorbResult, absorb } from './absorb.js';
import { absorbLateWrites, type LateWrite } from './late-writes.js';
import { type MaterialiseResult, materialise } from './materialise.js';
import type { Replica } from './replica.js';

export type EngineEvents = {
  /**
   * For how long in all many files give way to others, milliseconds; asked again and again. Links have work in hand, which
   * others wait for, or programs change again and again what is better written once.
   */
  readonly giveWayMs: () => number;
  /** Local changes were committed: links have something to send. */
  readonly onChanged: () => void;
  readonly onAbsorbed: (results: readonly AbsorbResult[]) => void;
  readonly onMaterialised: (results: readonly MaterialiseResult[]) => void;
  readonly onLateWrite: (late: LateWrite) => void;
  /** A file that has been unreadable for long: told once for each content. */
  readonly onUnreadable: (name: string, code: string, reason: string) => void;
  /** Broken machinery: disk full, database corrupt. The step is tried again. */
  readonly onError: (step: string, error: unknown) => void;
  /** The step did all that it had to do. */
  readonly onWorking: (step: string) => void;
};

/** Documents in one absorb transaction, and in one group of replacements. */
const GROUP = 1_000;
/**
 * Names kept in memory, of each kind of work. What is to be written beyond that, the store knows; what is to be looked
 * at, the scan waits with. (A hub that takes 1,000,000 documents from a joining spoke had most of them here.)
 */
const NAMES_MAX = 10_000;
const ROOM_LOOK_MS = 5;
/** A torn file is looked at again after 1, 2, 4, … ms, at most every RETRY_MAX_MS. */
const RETRY_MIN_MS = 1;
const RETRY_MAX_MS = 2_000;
/** Retries that add up to about four seconds; then the file is reported. */
const REPORT_AFTER_TRIES = 12;
/** A file read within its own clock tick is read once more, when a same-size write in that tick would show. */
const RACY_AGAIN_MS = 1_500;
const LATE_TICK_MS = 500;
/** No fewer files than this give way. */
const BULK_FILES = 200;
const GIVE_WAY_LOOK_MS = 5;
const ERROR_PAUSE_MS = 1_000;

type Retry = { tries: number; timer: NodeJS.Timeout; reported: string };

export class Engine {
  readonly #hints = new Set<string>();
  readonly #dirty = new Set<string>();
  readonly #retries = new Map<string, Retry>();
  #racy = new Set<string>();
  /** Fingerprints of files that we wrote ourselves: the events of our own renames need no reading. */
  #own = new Map<string, string>();
  #ownBefore = new Map<string, string>();
  /** Id after which a pass over all documents that the store knows to differ goes on, while one is wanted. */
  #sweepAfter: number | undefined;
  #sweepAgain = false;
  #absorbing = false;
  #materialising = false;
  #stopped = false;
  #mayMaterialise = false;
  readonly #timers: NodeJS.Timeout[] = [];
  #idle: (() => void)[] = [];

  constructor(
    readonly replica: Replica,
    readonly events: EngineEvents,
  ) {}

  /** Starts the periodic looks. Materialising waits for `openFiles`. */
  start(): void {
    this.#timers.push(setInterval(() => void this.#lateWrites(), LATE_TICK_MS));
    this.#timers.push(
      setInterval(() => {
        this.#ownBefore = this.#own;
        this.#own = new Map();
        const names = this.#racy;
        this.#racy = new Set();
        for (const name of names) this.look(name);
      }, RACY_AGAIN_MS),
    );
  }

  /** From now on states are written into live files, beginning with what is known to differ. */
  openFiles(): void {
    this.#mayMaterialise = true;
    this.showAll();
  }

  /** Something may have happened to this document's live file. */
  look(name: string): void {
    if (this.#stopped) return;
    this.#hints.add(name);
    this.#absorbSoon();
  }

  /** These were absorbed, and nothing can have looked at them since. */
  absorbed(results: readonly AbsorbResult[]): void {
    this.#after(results, true);
    if (results.some(({ outcome }) => isNews(outcome))) this.events.onChanged();
    this.events.onAbsorbed(results);
  }

  /** These documents' states changed: their files are to show it. */
  show(names: Iterable<string>): void {
    for (const name of names) this.#addDirty(name);
    this.#materialiseSoon();
  }

  /** Everything that the store knows to differ, in pieces: after a join that may be all there is. */
  showAll(): void {
    this.#sweepAfter = 0;
    this.#materialiseSoon();
  }

  /** Resolves when few looks are waiting: for a scan, which can make as many as there are files. */
  async hasRoom(): Promise<void> {
    while (this.#hints.size > NAMES_MAX && !this.#stopped)
      await new Promise<void>((resolve) => setTimeout(resolve, ROOM_LOOK_MS));
  }

  #addDirty(name: string): void {
    // A kind may have been taken out of the configuration since.
    if (!this.replica.knows(name)) return;
    if (this.#dirty.size < NAMES_MAX) this.#dirty.add(name);
    else if (!this.#dirty.has(name)) this.#sweepAgain = true;
  }

  /** Whether there is something to write; once stopped, what is left is for the next start. */
  get #hasDirty(): boolean {
    if (this.#stopped) return false;
    return this.#dirty.size > 0 || this.#sweepAfter !== undefined || this.#sweepAgain;
  }

  /** The next piece of the pass, when nothing else is to be written. */
  #sweepOn(): void {
    if (this.#dirty.size > 0) return;
    if (this.#sweepAfter === undefined && this.#sweepAgain) {
      this.#sweepAfter = 0;
      this.#sweepAgain = false;
    }
    if (this.#sweepAfter === undefined) return;
    const rows = this.replica.world.store.dirtyAfter(this.#sweepAfter, GROUP);
    for (const { name } of rows) this.#addDirty(name);
    this.#sweepAfter = rows.length < GROUP ? undefined : rows.at(-1)?.id;
  }

  get backlog(): { readonly looks: number; readonly files: number } {
    return { looks: this.#hints.size, files: this.#dirty.size };
  }

  /** Resolves when nothing is waiting to be absorbed or materialised. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Once stopped, only the work in hand counts: what it still finds to do is for the next start. */
  get #isIdle(): boolean {
    if (this.#absorbing || this.#materialising) return false;
    return this.#stopped || (this.#hints.size === 0 && (!this.#hasDirty || !this.#mayMaterialise));
  }

  /** Finishes the step in hand and starts no other. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const { timer } of this.#retries.values()) clearTimeout(timer);
    this.#hints.clear();
    this.#dirty.clear();
    await this.idle();
    await this.replica.exclusive(async () => {});
  }

  #settled(): void {
    if (!this.#isIdle) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  #absorbSoon(): void {
    if (this.#absorbing || this.#stopped) return;
    this.#absorbing = true;
    void this.#absorbLoop().finally(() => {
      this.#absorbing = false;
      // A hint that came between the loop's last look at the set and here found it busy: nobody else would wake it.
      if (this.#hints.size > 0) this.#absorbSoon();
      this.#settled();
    });
  }

  async #absorbLoop(): Promise<void> {
    while (this.#hints.size > 0 && !this.#stopped) {
      const taken = take(this.#hints, GROUP);
      try {
        const names = taken.filter((name) => !this.#isOwn(name));
        if (names.length === 0) continue;
        this.absorbed(await this.replica.exclusive(() => absorb(this.replica, names)));
        this.events.onWorking('absorb');
      } catch (error) {
        await this.#failed('absorb', error);
        for (const name of taken) this.#hints.add(name);
      }
    }
  }

  #isOwn(name: string): boolean {
    const print = this.#own.get(name) ?? this.#ownBefore.get(name);
    return print !== undefined && print === this.replica.world.files.print(name);
  }

  /**
   * What has to be looked at again, and what has to be written. `isNewest`: nothing can have looked at these files since. What materialise absorbed is older by the time it has
   * replaced files and let go of its locks: a writer that waited for the lock may have been found writing meanwhile, and
   * the look that it is owed must not be cancelled.
   */
  #after(results: readonly AbsorbResult[], isNewest: boolean): void {
    for (const { name, outcome, racy, dirty } of results) {
      if (racy) this.#racy.add(name);
      if (outcome.kind === 'refused') this.#again(name, outcome.code, outcome.reason, outcome.again);
      else if (isNewest) this.#forget(name);
      if (dirty) this.#addDirty(name);
    }
    this.#materialiseSoon();
  }

  #again(name: string, code: string, reason: string, isTransient: boolean): void {
    const known = this.#retries.get(name);
    if (known !== undefined) clearTimeout(known.timer);
    const tries = (known?.tries ?? 0) + 1;
    let reported = known?.reported ?? '';
    if ((!isTransient || tries > REPORT_AFTER_TRIES) && reported !== code + reason) {
      reported = code + reason;
      this.events.onUnreadable(name, code, reason);
    }
    // What is not transient (a symlink, a giant) is left to the next hint or scan.
    const delay_ms = isTransient ? Math.min(RETRY_MIN_MS * 2 ** (tries - 1), RETRY_MAX_MS) : RETRY_MAX_MS * 15;
    const timer = setTimeout(() => this.look(name), delay_ms);
    timer.unref();
    this.#retries.set(name, { tries: Math.min(tries, 30), timer, reported });
  }

  #forget(name: string): void {
    const known = this.#retries.get(name);
    if (known === undefined) return;
    clearTimeout(known.timer);
    this.#retries.delete(name);
  }

  #materialiseSoon(): void {
    if (this.#materialising || this.#stopped || !this.#mayMaterialise || !this.#hasDirty) return;
    this.#materialising = true;
    void this.#materialiseLoop().finally(() => {
      this.#materialising = false;
      this.#materialiseSoon();
      this.#settled();
    });
  }

  async #materialiseLoop(): Promise<void> {
    while (this.#hasDirty && !this.#stopped) {
      await this.#giveWay();
      let names: string[] = [];
      try {
        this.#sweepOn();
        names = take(this.#dirty, GROUP);
        if (names.length === 0) continue;
        const results = await materialise(this.replica, names);
        this.#after(
          results.map(({ absorbed }) => ({ ...absorbed, dirty: false })),
          false,
        );
        for (const { name, outcome } of results) {
          if (outcome.kind === 'again') this.#dirty.add(name);
          if (outcome.kind === 'written' && outcome.print !== '') this.#own.set(name, outcome.print);
        }
        this.#tellMaterialised(results);
        if (results.some(({ absorbed }) => isNews(absorbed.outcome))) this.events.onChanged();
        this.events.onMaterialised(results);
      } catch (error) {
        await this.#failed('materialise', error);
        for (const name of names) this.#dirty.add(name);
      }
    }
  }

  /** A file that could not be put in place holds up no other; it is tried again after a pause, and told by its kind. */
  #tellMaterialised(results: readonly MaterialiseResult[]): void {
    this.events.onWorking('materialise');
    const failed = new Map<string, unknown>();
    const again: string[] = [];
    for (const { name, outcome } of results) {
      if (outcome.kind !== 'failed') continue;
      failed.set(kindOf(name), outcome.error);
      again.push(name);
    }
    for (const kind of new Set(results.map(({ name }) => kindOf(name))))
      if (failed.has(kind)) this.events.onError(`materialise ${kind}`, failed.get(kind));
      else this.events.onWorking(`materialise ${kind}`);
    if (again.length > 0) setTimeout(() => this.show(again), ERROR_PAUSE_MS).unref();
  }

  async #giveWay(): Promise<void> {
    for (let waited = 0; waited < this.events.giveWayMs(); waited += GIVE_WAY_LOOK_MS) {
      if (this.#stopped || this.#dirty.size < BULK_FILES) return;
      await new Promise<void>((resolve) => setTimeout(resolve, GIVE_WAY_LOOK_MS));
    }
  }

  async #lateWrites(): Promise<void> {
    if (this.#stopped) return;
    try {
      const late = await this.replica.exclusive(() => absorbLateWrites(this.replica));
      this.events.onWorking('late writes');
      for (const one of late) this.events.onLateWrite(one);
      if (late.length === 0) return;
      this.show(late.map(({ name }) => name));
      this.events.onChanged();
    } catch (error) {
      this.events.onError('late writes', error);
    }
  }

  async #failed(step: string, error: unknown): Promise<void> {
    this.events.onError(step, error);
    await new Promise<void>((resolve) => setTimeout(resolve, ERROR_PAUSE_MS));
  }
}

function isNews(outcome: AbsorbResult['outcome']): boolean {
  return outcome.kind === 'changed' || outcome.kind === 'removed' || outcome.kind === 'settled';
}

function kindOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}

function take(from: Set<string>, most: number): string[] {
  const names: string[] = [];
  for (const name of from) {
    if (names.length === most) break;
    names.push(name);
    from.delete(name);
  }
  return names;
}
