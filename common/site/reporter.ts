/** What the operator reads: one line for each thing that moved, and for each thing that is wrong a code and a remedy. */
import type { Refusal } from '../core/batch.js';
import type { HeldReason } from '../core/guard.js';
import type { Failure } from '../link/transport.js';
import type { AbsorbResult } from '../replica/absorb.js';
import type { Held } from '../replica/held.js';
import type { LateWrite } from '../replica/late-writes.js';
import type { MaterialiseResult } from '../replica/materialise.js';
import type { Race } from '../replica/raw-change.js';
import type { ReceivedDocument } from '../replica/receive.js';
import type { Log } from '../runtime/log.js';
import { fieldsOf, type Trouble, troubleOf } from '../runtime/troubles.js';

/** The same complaint of the same peer is repeated once in this time. */
const REPEAT_MS = 60_000;

export class Reporter {
  readonly #lastSaid = new Map<string, number>();
  /** What was last told as broken, by step. */
  readonly #troubles = new Map<string, Trouble>();

  constructor(
    readonly site: string,
    readonly log: Log,
    readonly now: () => number,
  ) {}

  absorbed(results: readonly AbsorbResult[]): void {
    const { log, site } = this;
    for (const { name, outcome, overdrawn } of results) {
      if (overdrawn) this.#overdrawn(name);
      if (outcome.kind === 'changed') {
        log.info('absorbed', { document: name, site, seq: outcome.seq });
        if (outcome.race !== undefined) this.#race(name, outcome.race);
      } else if (outcome.kind === 'held') this.#held(name, outcome);
      else if (outcome.kind === 'removed' && outcome.restored)
        log.warn('removed', {
          document: name,
          site,
          code: 'AXL-RESTORED',
          hint: 'it is written back: amounts are never removed by deleting a file',
        });
      else if (outcome.kind === 'removed') log.info('removed', { document: name, site });
      else if (outcome.kind === 'settled' && outcome.outcome === 'held')
        log.warn('held', {
          document: name,
          site,
          code: 'AXL-JOIN-HELD',
          hint: 'its amount differs from the hub: the hub’s stands until axle held approve; see axle held list --config FILE',
        });
      else if (outcome.kind === 'settled' && outcome.outcome !== 'adopted')
        log.info(`joined: ${outcome.outcome}`, { document: name, site });
    }
  }

  materialised(results: readonly MaterialiseResult[]): void {
    this.absorbed(results.map(({ absorbed }) => absorbed));
    const now = this.now();
    for (const { name, outcome } of results)
      if (outcome.kind === 'written' || outcome.kind === 'removed')
        this.log.info(outcome.kind === 'written' ? 'materialised' : 'removed', {
          document: name,
          site: this.site,
          from: outcome.by,
          ms: Math.max(0, now - outcome.at),
        });
  }

  sent(peer: string, names: readonly string[], bytes: number, ms: number): void {
    this.log.info('sent', {
      ...(names.length === 1 && { document: names[0] }),
      site: this.site,
      to: peer,
      documents: names.length,
      bytes,
      ms: Math.round(ms),
    });
  }

  /** Kinds that this site is meant to have. Their folders are not made: what stands for an unmounted disk must not be one. */
  withoutFolder(kinds: readonly string[]): void {
    for (const kind of kinds)
      this.log.warn('kind without its folder', {
        kind,
        site: this.site,
        code: 'AXL-NO-FOLDER',
        reason: 'the configuration names it, and userdata has no folder for it: its documents are not written here',
        hint: 'make the folder with owner and mode of its neighbours (axle doctor says how), or take the kind out of kinds',
      });
  }

  received(peer: string, documents: readonly ReceivedDocument[]): void {
    for (const { name, overdrawn } of documents) if (overdrawn) this.#overdrawn(name);
    this.log.info('received', {
      ...(documents.length === 1 && { document: documents[0]?.name }),
      site: this.site,
      from: peer,
      documents: documents.length,
    });
  }

  #overdrawn(name: string): void {
    this.log.warn('overdrawn', {
      document: name,
      site: this.site,
      code: 'AXL-OVERDRAWN',
      hint: 'files were written on several sites that spent the same money; later credits fill it. Debits through the sidecar cannot do this',
    });
  }

  recovered(name: string, renamed: boolean): void {
    this.log.info('recovered', { document: name, site: this.site, replaced: renamed });
  }

  #held(name: string, { id, reason, isNew }: Held): void {
    if (!isNew) return;
    this.log.warn('held', {
      document: name,
      site: this.site,
      id,
      code: `AXL-HELD-${reason.toUpperCase()}`,
      reason: HELD_BECAUSE[reason as HeldReason],
      hint: `nothing of it was counted; see it with: axle held show ${id} --config FILE, then axle held approve or reject`,
    });
  }

  /** A writer without the lock wrote what follows from an older content than the one that it replaced. */
  #race(name: string, race: Race): void {
    const fields = { document: name, site: this.site, difference: race.raw };
    if (race.kind === 'repaired') this.log.info('race repaired', { ...fields, counted: race.meant });
    else if (this.#isNew(`race ${name}`))
      this.log.warn('race doubtful', {
        ...fields,
        code: 'AXL-INTENT',
        reason: 'its transactions say another amount than its balance, and no earlier content explains it',
        hint: 'the difference was counted; look at the balance, and let its writers take the lock',
      });
  }

  lateWrite({ name, outcome, held }: LateWrite): void {
    if (held !== undefined) this.#held(name, held);
    this.log.warn('late write', {
      document: name,
      site: this.site,
      outcome,
      code: 'AXL-LATE-WRITE',
      hint: 'a writer without the lock wrote to a file that had just been replaced; use the lock or the sidecar',
    });
  }

  unreadable(name: string, code: string, reason: string): void {
    this.log.warn('not readable', {
      document: name,
      site: this.site,
      code,
      reason,
      hint: 'the document stays as it is everywhere; repair or remove the file',
    });
  }

  down(peer: string, failure: Failure): void {
    this.log.warn('peer down', {
      site: this.site,
      peer,
      code: failure.code,
      reason: failure.message,
      hint: failure.hint,
    });
  }

  up(peer: string): void {
    this.log.info('peer up', { site: this.site, peer });
  }

  refusal(peer: string, code: string, message: string, hint: string): void {
    if (this.#isNew(`${peer} ${code} ${message}`))
      this.log.error('batch refused', { site: this.site, peer, code, reason: message, hint });
  }

  refusedBy(peer: string, { code, message }: Refusal): void {
    if (this.#isNew(`by ${peer} ${code}`))
      this.log.error('our batch was refused', {
        site: this.site,
        peer,
        code,
        reason: message,
        hint: `see the log of ${peer}`,
      });
  }

  hubRestored(peer: string): void {
    this.log.error('state is an older copy', {
      site: this.site,
      peer,
      code: 'AXL-HUB-RESTORED',
      hint: 'the spokes send what they added since, and are asked for what this hub added; nothing has to be done',
    });
  }

  setAside(why: 'stale' | 'corrupt', aside: string): void {
    this.log.warn(why === 'stale' ? 'state is older than the live files' : 'state is damaged', {
      site: this.site,
      code: why === 'stale' ? 'AXL-STATE-RESTORED' : 'AXL-STATE-CORRUPT',
      aside,
      hint: 'it was set aside; a spoke joins anew and takes the state of the hub, a hub needs its newest copy back',
    });
  }

  /** Broken machinery; the step is tried again. Told once a minute, whatever file or path its words name. */
  broken(step: string, error: unknown): Trouble {
    const trouble = troubleOf(error);
    if (this.#isNew(`${step} ${trouble.code}`)) {
      this.#troubles.set(step, trouble);
      this.log.error('failed', { site: this.site, step, ...fieldsOf(trouble) });
    }
    return trouble;
  }

  /** What was told as broken and does not work yet, by step. */
  get troubles(): ReadonlyMap<string, Trouble> {
    return this.#troubles;
  }

  /** The step has been done: where it was told as broken, this is told too. */
  working(step: string): void {
    const trouble = this.#troubles.get(step);
    if (trouble === undefined) return;
    this.#troubles.delete(step);
    this.log.info('works again', { site: this.site, step, code: trouble.code, hint: trouble.over });
  }

  #isNew(what: string): boolean {
    const last = this.#lastSaid.get(what);
    if (last !== undefined && this.now() - last < REPEAT_MS) return false;
    if (this.#lastSaid.size > 1_000) this.#lastSaid.clear();
    this.#lastSaid.set(what, this.now());
    return true;
  }
}

const HELD_BECAUSE: Readonly<Record<HeldReason, string>> = {
  zero: 'a balance went to zero without a transaction to show for it',
  stub: 'a document with a life of its own was replaced by an empty one',
  decreases: 'too many amounts of this kind fell within a short time',
  deletes: 'too many files of this kind were removed within a short time',
  join: 'its amount differed from the hub when this site joined',
  damaged: 'its stored state was damaged, and its file showed something else than what was rebuilt',
};
