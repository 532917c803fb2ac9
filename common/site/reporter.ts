/** What the operator reads: one line for each thing that moved, and for each thing that is wrong a code and a remedy. */
import type { Refusal } from '../core/batch.js';
import type { Failure } from '../link/transport.js';
import type { AbsorbResult } from '../replica/absorb.js';
import type { MaterialiseResult } from '../replica/materialise.js';
import type { ReceivedDocument } from '../replica/receive.js';
import type { Log } from '../runtime/log.js';

/** The same complaint of the same peer is repeated once in this time. */
const REPEAT_MS = 60_000;

export class Reporter {
  readonly #lastSaid = new Map<string, number>();

  constructor(
    readonly site: string,
    readonly log: Log,
    readonly now: () => number,
  ) {}

  absorbed(results: readonly AbsorbResult[]): void {
    const { log, site } = this;
    for (const { name, outcome } of results) {
      if (outcome.kind === 'changed') log.info('absorbed', { document: name, site, seq: outcome.seq });
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
          hint: 'its amount differs from the hub: the hub’s stands, the old file is in userdata/.axle/conflicts',
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

  received(peer: string, documents: readonly ReceivedDocument[]): void {
    this.log.info('received', {
      ...(documents.length === 1 && { document: documents[0]?.name }),
      site: this.site,
      from: peer,
      documents: documents.length,
    });
  }

  recovered(name: string, renamed: boolean): void {
    this.log.info('recovered', { document: name, site: this.site, replaced: renamed });
  }

  lateWrite(name: string, outcome: string): void {
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

  broken(step: string, error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    const hint = REMEDIES[code ?? ''] ?? 'it is tried again; if it lasts, report it with this line';
    if (this.#isNew(`${step} ${code} ${message}`))
      this.log.error('failed', { site: this.site, step, code: code ?? 'AXL-FAULT', reason: message, hint });
  }

  #isNew(what: string): boolean {
    const last = this.#lastSaid.get(what);
    if (last !== undefined && this.now() - last < REPEAT_MS) return false;
    if (this.#lastSaid.size > 1_000) this.#lastSaid.clear();
    this.#lastSaid.set(what, this.now());
    return true;
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full, or the limit of inotify watches is reached: free space, raise fs.inotify.max_user_watches',
  EROFS: 'the file system is mounted read-only: look at dmesg, remount it',
  EACCES: 'the daemon may not write there: compare the owner and mode of the folder with the account of the daemon',
  EMFILE: 'too many open files: raise LimitNOFILE of the unit',
  ELOCKED: 'a writer does not let go of its lock: look for a hanging process',
  SQLITE_FULL: 'the disk of the state folder is full: free space',
  SQLITE_CORRUPT: 'the state database is damaged: stop, move state.db aside, start: a spoke joins anew',
};
