/** A site's door for credits: it goes away, loses answers and requests, and books each period of a worker once. */
import Big from 'big.js';
import type { Outcome, Sent } from '../../miner/shares/sidecar-client.js';
import { dayOf } from '../../miner/shares/statement.js';
import type { SiteCredit } from '../../miner/shares/taken.js';

const LOST_PART = 0.03;
const AWAY_PART = 0.0005;
const AWAY_REQUESTS = 20;

export class SimulatedSite {
  asked = 0;
  readonly #booked = new Map<string, Sent>();
  readonly #periods = new Map<string, (readonly [from_s: number, to_s: number])[]>();
  readonly #random: () => number;
  #away = 0;
  #isFaulty = true;

  constructor(random: () => number) {
    this.#random = random;
  }

  get credits(): number {
    return this.#booked.size;
  }

  recover(): void {
    this.#isFaulty = false;
    this.#away = 0;
  }

  async credit(sent: Sent): Promise<Outcome> {
    this.asked += 1;
    const lost: Outcome = { kind: 'later', code: 'AXL-CREDIT-DOWN', reason: 'no answer', isAll: true };
    if (this.#isFaulty && this.#random() < AWAY_PART) this.#away = AWAY_REQUESTS;
    if (this.#away > 0) {
      this.#away -= 1;
      return lost;
    }
    if (this.#isFaulty && this.#random() < LOST_PART) return lost;
    const outcome = this.#book(sent);
    return this.#isFaulty && this.#random() < LOST_PART ? lost : outcome;
  }

  async credited({ miner, worker }: Pick<Sent, 'miner' | 'worker'>): Promise<SiteCredit[]> {
    const all = [...this.#booked].filter(([, sent]) => sent.miner === miner && sent.worker === worker);
    return all.map(([id, { user, amount, difficulty, from_s, to_s }]) => {
      return { id, user, worker, amount, difficulty, from_s, to_s };
    });
  }

  #book(sent: Sent): Outcome {
    const { miner, worker, from_s, to_s } = sent;
    const key = JSON.stringify([miner, worker, from_s, to_s]);
    const booked = this.#booked.get(key);
    if (booked !== undefined) {
      if (booked.amount !== sent.amount || booked.user !== sent.user)
        return { kind: 'refused', code: 'idempotency_key_reused', reason: 'another credit has this key' };
      return { kind: 'paid', id: key };
    }
    const name = JSON.stringify([miner, worker]);
    const periods = this.#periods.get(name) ?? [];
    if (periods.some(([from, to]) => from < to_s && from_s < to))
      return { kind: 'refused', code: 'already_credited', reason: 'this time is credited already' };
    periods.push([from_s, to_s]);
    this.#periods.set(name, periods);
    this.#booked.set(key, { ...sent });
    return { kind: 'paid', id: key };
  }

  /** As `GET /v1/miner-credits?group=day` has it, in order. */
  days() {
    const days = new Map<
      string,
      { day: string; user: string; miner: string; amount: Big; difficulty: Big; credits: number }
    >();
    for (const { user, miner, amount, difficulty, to_s } of this.#booked.values()) {
      const day = dayOf(to_s);
      const key = JSON.stringify([day, user, miner]);
      const sums = days.get(key) ?? { day, user, miner, amount: new Big(0), difficulty: new Big(0), credits: 0 };
      sums.amount = sums.amount.plus(amount);
      sums.difficulty = sums.difficulty.plus(difficulty);
      sums.credits += 1;
      days.set(key, sums);
    }
    return [...days]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([, { amount, difficulty, ...rest }]) => {
        const { day, user, miner, credits } = rest;
        return { day, user, miner, amount: amount.toFixed(), difficulty: difficulty.toFixed(), credits };
      });
  }
}
