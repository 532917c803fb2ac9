/**
 * What the sites' former script had not sent when it was replaced: one sum for a user, which it sends and sets to 0 every
 * two minutes as long as a tab of it is open. Such a tab must have been over for a while before the sum counts as left
 * behind, or it would be paid by both. Nothing is ever written here: a former tab would send that too.
 */
import { type Units, unitsOf } from './amount.js';
import type { Box } from './storage.js';

const KEY = 'balance_net_change:';
/** Longer than any tab of the former script waits, also one in the background. */
const QUIET_MS = 300_000;

export class NetChange {
  readonly #key: string;

  constructor(
    readonly box: Box,
    user: string,
  ) {
    this.#key = KEY + user;
  }

  /** Undefined: there is nothing. */
  get amount(): Units | undefined {
    const units = unitsOf(this.box.get(this.#key) ?? undefined);
    return units === 0n ? undefined : units;
  }

  /** The same as long as nobody has touched it. */
  get mark(): string {
    return `${this.box.get(this.#key)} ${this.box.get(`${this.#key}_timestamp`)}`;
  }

  /** How much longer it has to stay untouched. */
  quietFor_ms(now: number): number {
    const touched = Number(this.box.get(`${this.#key}_timestamp`) ?? Number.NaN);
    return Number.isFinite(touched) ? Math.max(0, Math.min(QUIET_MS, touched + QUIET_MS - now)) : QUIET_MS;
  }

  forget(): void {
    this.box.remove(this.#key);
    this.box.remove(`${this.#key}_timestamp`);
  }
}
