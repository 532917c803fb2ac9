/**
 * The model: every operation that somebody was told had succeeded, and what the totals must therefore be. Operation k
 * adds or takes 4^k, so that the base-4 digits of a total say of each operation how often it was counted: never, once,
 * twice, or backwards. Where debits are to compete for the same money an operation has whole units beside its digit.
 */
export type Standing =
  /** Must be counted once. */
  | 'must'
  /** Its disk was lost, or its write was under way when the power failed: once or never, and settled for good by the next check. */
  | 'maybe'
  /** Was refused, or found lost when it was a maybe: it must not come back. */
  | 'void';

/** What a program was told by the daemon. */
export type Answer = 'done' | 'refused';

export type Operation = {
  readonly k: number;
  readonly site: string;
  readonly sign: 1 | -1;
  readonly how: string;
  readonly at: number;
  readonly units: number;
  standing: Standing;
  /** Undefined: a file was written, or no answer came. */
  answer?: Answer;
};

export const OPERATIONS_MAX = 22;
/** Greater than the digits of all operations together. 500 of them still fit a double exactly. */
export const UNIT = 4 ** OPERATIONS_MAX;
/** Genesis amount: greater than all operations together, and a total still fits a double exactly. */
export const GENESIS_AMOUNT = 4 ** 24;

export type Finding = { readonly check: string; readonly text: string };

export class Ledger {
  readonly operations: Operation[] = [];

  constructor(
    readonly document: string,
    /** As a JSON pointer: `/balance`. */
    readonly path: string,
    public genesis: number,
    /** Changed by programs alone, in amounts that compete: it must never be overdrawn. */
    readonly isPurse = false,
  ) {}

  get isFull(): boolean {
    return this.operations.length >= OPERATIONS_MAX;
  }

  add(site: string, sign: 1 | -1, how: string, at: number, units = 0): Operation {
    const operation: Operation = { k: this.operations.length, site, sign, how, at, units, standing: 'maybe' };
    this.operations.push(operation);
    return operation;
  }

  amount({ k, sign, units }: Operation): number {
    return sign * (4 ** k + units * UNIT);
  }

  /** A program was told what became of its operation. What is wrong if more was spent now than there can have been. */
  answered(operation: Operation, answer: Answer): Finding[] {
    operation.answer = answer;
    operation.standing = answer === 'done' ? 'must' : 'void';
    if (!this.isPurse) return [];
    const had = this.#sum(({ sign, standing }) => sign > 0 && standing !== 'void');
    const spent = -this.#sum(({ sign, standing }) => sign < 0 && standing === 'must');
    if (spent <= this.genesis + had) return [];
    return [overdrawn(`${this.name}: ${spent} was spent of ${this.genesis + had}, last ${this.nameOf(operation)}`)];
  }

  get name(): string {
    return `${this.document}${this.path}`;
  }

  nameOf({ k, site, sign, how, at }: Operation): string {
    return `${sign > 0 ? 'credit' : 'debit'} #${k} of ${site} (${how}, at ${Math.round(at)} ms)`;
  }

  #sum(isMeant: (operation: Operation) => boolean): number {
    return this.operations.filter(isMeant).reduce((sum, operation) => sum + this.amount(operation), 0);
  }

  /** How often each operation is in `total`; undefined where no such sum gives it. */
  counts(total: number): number[] | undefined {
    let rest = total - this.genesis;
    if (!Number.isSafeInteger(rest)) return undefined;
    const counts: number[] = [];
    for (const { sign } of this.operations) {
      const digit = ((rest % 4) + 4) % 4;
      const signed = digit === 3 ? -1 : digit;
      counts.push(signed === 0 ? 0 : signed * sign);
      rest = (rest - signed) / 4;
    }
    const sum = counts.reduce((all, count, k) => all + count * this.amount(this.operations[k] as Operation), 0);
    return this.genesis + sum === total ? counts : undefined;
  }

  has(total: number | undefined, operation: Operation): boolean {
    return total !== undefined && (this.counts(total)?.[operation.k] ?? 0) > 0;
  }

  /** What is wrong with a total, and from now on every maybe is what it was found to be. */
  check(total: number): Finding[] {
    const counts = this.counts(total);
    const what = this.name;
    if (counts === undefined) {
      const times = Math.round(total / Math.max(1, this.genesis));
      return [
        {
          check: 'I1 total',
          text: `${what} is ${total}: no sum of its operations over ${this.genesis} (${times} × genesis?)`,
        },
      ];
    }
    const findings: Finding[] = this.isPurse && total < 0 ? [overdrawn(`${what} is ${total}`)] : [];
    for (const operation of this.operations) {
      const count = counts[operation.k] as number;
      const { standing } = operation;
      const name = `${what}: ${this.nameOf(operation)}`;
      if (count > 1 || count < 0) findings.push({ check: 'I1 counted twice', text: `${name} counts ${count} times` });
      else if (count === 0 && standing === 'must') findings.push({ check: 'I1 lost', text: `${name} is lost` });
      else if (count === 1 && standing === 'void') findings.push({ check: 'I1 returned', text: `${name} came back` });
      operation.standing = count === 1 ? 'must' : 'void';
    }
    return findings;
  }
}

function overdrawn(text: string): Finding {
  return { check: 'I1 overdrawn', text };
}
