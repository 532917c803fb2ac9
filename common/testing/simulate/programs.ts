/**
 * The programs of a site: what asks its daemon to change an amount, as the HTTP sidecar does, and believes the answer. A
 * success holds from then on, whatever happens to the machine; where the daemon dies before it answers, nobody knows.
 */
import { BadChange } from '../../replica/ledger.js';
import type { Choices } from '../random.js';
import type { SimulatedSite } from './daemon.js';
import { type Answer, type Finding, type Ledger, type Operation, UNIT } from './ledger.js';

/** How an operation of a program is named, beside the ways of writing. */
export const PROGRAM = 'program';

/** The greatest credit. All operations together stay within what a double holds. */
const CREDIT_UNITS = 8;

export type Wish = {
  readonly sign: 1 | -1;
  /** Of what the site shows, where it is to be taken; of the greatest credit, where it is to be added. */
  readonly part: number;
  /** How long a debit waits for rights. */
  readonly patienceMs: number;
};

export type ProgramEvents = {
  readonly note: (text: string) => void;
  readonly onFinding: (finding: Finding) => void;
};

export class Programs {
  constructor(
    readonly site: SimulatedSite,
    readonly choices: Choices,
    readonly events: ProgramEvents,
  ) {}

  /** Asks for one new operation of the ledger, if there is a daemon to be asked. */
  ask(ledger: Ledger, wish: Wish): void {
    const { life, machine } = this.site;
    if (life === undefined) return;
    const ask = (): void => {
      if (ledger.isFull) return;
      const operation = ledger.add(this.site.name, wish.sign, PROGRAM, machine.time.elapsed, this.#units(ledger, wish));
      const answered = (answer: Answer, text: string): void => {
        if (life.owner.isDead) return;
        this.events.note(`${ledger.name}: ${ledger.nameOf(operation)} ${answer}: ${text}`);
        for (const finding of ledger.answered(operation, answer)) this.events.onFinding(finding);
      };
      const once = { asker: 'program', key: `${ledger.name} ${ledger.nameOf(operation)}` };
      const change = {
        document: ledger.document,
        path: ledger.path,
        amount: String(ledger.amount(operation)),
        ...once,
      };
      this.events.note(`${this.site.name} asks: ${JSON.stringify(change)}`);
      life.site.change(change, wish.patienceMs).then(
        (outcome) => answered(outcome.ok ? 'done' : 'refused', JSON.stringify(outcome)),
        (error: unknown) => {
          if (life.owner.isDead) return;
          answered('refused', String(error));
          if (!isRefusal(error))
            this.events.onFinding({ check: 'faults', text: this.#failed(ledger, operation, error) });
        },
      );
    };
    machine.time.add(this.choices.next() * 3, ask, life.owner);
  }

  #units(ledger: Ledger, { sign, part }: Wish): number {
    if (!ledger.isPurse) return 0;
    if (sign > 0) return Math.ceil(part * CREDIT_UNITS);
    const shown = this.site.totals().get(`${ledger.document} ${ledger.path}`) ?? 0;
    return Math.max(0, Math.floor((part * shown) / UNIT));
  }

  #failed(ledger: Ledger, operation: Operation, error: unknown): string {
    return `${ledger.name}: ${ledger.nameOf(operation)}: ${error instanceof Error ? error.stack : String(error)}`;
  }
}

/** Whether the daemon says that it cannot be done, now or ever. */
function isRefusal(error: unknown): boolean {
  const { code } = error as { code: string };
  return error instanceof BadChange || ['AXL-NOT-READY', 'AXL-LOST', 'AXL-UNREAD'].includes(code);
}
