/**
 * The model: every operation that somebody was told had succeeded, and what the totals must therefore be. Operation k
 * adds or takes 4^k, so that the base-4 digits of a total say of each operation how often it was counted: never, once,
 * twice, or backwards.
 */
export type Standing =
  /** Must be counted once. */
  | 'must'
  /** Its disk was lost, or its write was under way when the power failed: once or never, and settled for good by the next check. */
  | 'maybe'
  /** Was found lost when it was a maybe: it must not come back. */
  | 'void';

export type Operation = {
  readonly k: number;
  readonly site: string;
  readonly sign: 1 | -1;
  readonly how: string;
  readonly at: number;
  standing: Standing;
};

export const OPERATIONS_MAX = 22;
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
  ) {}

  get isFull(): boolean {
    return this.operations.length >= OPERATIONS_MAX;
  }

  add(site: string, sign: 1 | -1, how: string, at: number): Operation {
    const operation: Operation = { k: this.operations.length, site, sign, how, at, standing: 'maybe' };
    this.operations.push(operation);
    return operation;
  }

  amount({ k, sign }: Operation): number {
    return sign * 4 ** k;
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
    return rest === 0 ? counts : undefined;
  }

  has(total: number | undefined, operation: Operation): boolean {
    return total !== undefined && (this.counts(total)?.[operation.k] ?? 0) > 0;
  }

  /** What is wrong with a total, and from now on every maybe is what it was found to be. */
  check(total: number): Finding[] {
    const counts = this.counts(total);
    const what = `${this.document}${this.path}`;
    if (counts === undefined) {
      const times = Math.round(total / Math.max(1, this.genesis));
      return [
        {
          check: 'I1 total',
          text: `${what} is ${total}: no sum of its operations over ${this.genesis} (${times} × genesis?)`,
        },
      ];
    }
    const findings: Finding[] = [];
    for (const operation of this.operations) {
      const count = counts[operation.k] as number;
      const { k, site, sign, how, standing } = operation;
      const name = `${what}: ${sign > 0 ? 'credit' : 'debit'} #${k} of ${site} (${how}, at ${Math.round(operation.at)} ms)`;
      if (count > 1 || count < 0) findings.push({ check: 'I1 counted twice', text: `${name} counts ${count} times` });
      else if (count === 0 && standing === 'must') findings.push({ check: 'I1 lost', text: `${name} is lost` });
      else if (count === 1 && standing === 'void') findings.push({ check: 'I1 returned', text: `${name} came back` });
      operation.standing = count === 1 ? 'must' : 'void';
    }
    return findings;
  }
}
