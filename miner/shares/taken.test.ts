/** An agent that dies, and whose database is put back from older copies: nothing is credited twice, and nothing is lost. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Big from 'big.js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SILENT } from '../../common/runtime/log.js';
import type { MinerReading } from '../adapters/reading.js';
import { FleetStore } from '../store/store.js';
import { Accounts } from './accounts.js';
import { heldOf, release } from './held.js';
import { Outbox } from './outbox.js';
import { settle } from './settling.js';
import type { Outcome, Sent } from './sidecar-client.js';
import { statementOf } from './statement.js';
import type { SiteCredit } from './taken.js';

const AT = 1_700_000_400_000;
const PERIOD_MS = 600_000;
const POOL = { url: 'stratum+tcp://solo.ckpool.org:3333', user: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4.rig' };
const RATE = '0.00000012345';

class Site {
  readonly booked = new Map<string, SiteCredit>();
  /** Takes the next one, and its answer does not arrive. */
  isMute = false;

  async credit({ miner, worker, user, amount, difficulty, from_s, to_s }: Sent): Promise<Outcome> {
    const key = JSON.stringify([miner, worker, from_s, to_s]);
    const before = this.booked.get(key);
    if (before !== undefined && before.amount !== amount)
      return { kind: 'refused', code: 'idempotency_key_reused', reason: 'another amount' };
    const isTaken = [...this.booked.values()].some((one) => one.from_s < to_s && from_s < one.to_s);
    if (before === undefined && isTaken) return { kind: 'refused', code: 'already_credited', reason: 'some of it is' };
    this.booked.set(key, { id: key, user, worker, amount, difficulty, from_s, to_s });
    if (!this.isMute) return { kind: 'paid', id: key };
    this.isMute = false;
    return { kind: 'later', code: 'AXL-CREDIT-DOWN', reason: 'no answer', isAll: true };
  }

  async credited(): Promise<SiteCredit[]> {
    return [...this.booked.values()];
  }

  sum(name: 'amount' | 'difficulty'): Big {
    return [...this.booked.values()].reduce((total, one) => total.plus(one[name]), new Big(0));
  }
}

/** The agent's machine, and a device whose counter goes on meanwhile. */
class World {
  readonly site = new Site();
  readonly #copies: string[] = [];
  readonly #folder: string;
  #files = 0;
  #file = '';
  store!: FleetStore;
  accounts!: Accounts;
  now = AT;
  #started = AT;
  #counter = 0;
  #shares = 0;
  #mined = 0;
  #baseline: number | undefined;
  rate = RATE;

  constructor(folder: string) {
    this.#folder = folder;
    this.#open(undefined);
    this.store.miners.add({ name: 'Rig', miner_type: 'cgminer', ip_address: '192.168.1.9', created_at: AT });
    this.read();
    this.copy();
  }

  #open(copy: string | undefined): void {
    this.#files += 1;
    this.#file = path.join(this.#folder, `${this.#files}.db`);
    if (copy !== undefined) fs.copyFileSync(copy, this.#file);
    this.store = FleetStore.open(this.#file);
    this.store.db.pragma('synchronous = OFF');
    this.accounts = new Accounts(this.store, { period_ms: PERIOD_MS, plausible: { min: 0, max: 100 } });
  }

  mine(difficulty: number, seconds: number): void {
    this.#counter += difficulty;
    this.#mined += difficulty;
    if (difficulty > 0) this.#shares += 1;
    this.now += seconds * 1_000;
  }

  /** What it has counted and nobody has read is gone. */
  restart(): void {
    this.#counter = 0;
    this.#shares = 0;
    this.#started = this.now;
  }

  read(): void {
    const [miner] = this.store.miners.list();
    if (miner === undefined) return;
    this.#baseline ??= this.#mined;
    const reading: MinerReading = {
      family: 'cgminer',
      // Less than what a counter of 32 bits can be gone round with.
      hashrate_hps: 1e12,
      uptime_s: (this.now - this.#started) / 1_000,
      pools: [{ ...POOL, shares_accepted: this.#shares, difficulty_accepted: this.#counter, difficulty: 1 }],
      fans: [],
      boards: [],
    };
    this.store.transaction(() => this.accounts.take(miner, reading, this.now));
  }

  /** As `Money.round`. */
  async round(): Promise<void> {
    const { store } = this;
    const now = () => this.now;
    this.accounts.closeStale(this.now);
    release(
      store,
      heldOf(store).map(({ id }) => id),
    );
    settle(store, { users: { table: { rig: '1-andy' }, rules: [] }, worth: this.rate, now });
    await new Outbox(store, { client: this.site, log: SILENT, now, random: () => 0 }).sendDue();
  }

  copy(): void {
    const file = path.join(this.#folder, `copy-${this.#copies.length}.db`);
    this.store.db.prepare('VACUUM INTO ?').run(file);
    this.#copies.push(file);
  }

  async restore(place: number): Promise<void> {
    this.store.close();
    this.#open(this.#copies[place % this.#copies.length]);
    // As the agent starts: what is stale is credited before anything is read.
    await this.round();
  }

  /** Until nothing is owed any more. */
  async end(): Promise<void> {
    this.site.isMute = false;
    for (let period = 0; period < 4; period += 1) {
      this.mine(65_536, 601);
      this.read();
      await this.round();
    }
    this.now += 3 * PERIOD_MS;
    for (let round = 0; round < 4; round += 1) {
      await this.round();
      this.now += 3_700_000;
    }
  }

  get mined(): Big {
    return new Big(this.#mined - (this.#baseline ?? 0));
  }

  carried(name: 'amount' | 'difficulty'): Big {
    const rows = this.store.db.prepare<[], Record<typeof name, string>>('SELECT amount, difficulty FROM carries').all();
    return rows.reduce((total, row) => total.plus(row[name]), new Big(0));
  }
}

let folder: string;
let worlds: number;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-taken-'));
  worlds = 0;
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

async function inWorld(run: (world: World) => Promise<void>): Promise<void> {
  worlds += 1;
  const own = path.join(folder, `${worlds}`);
  fs.mkdirSync(own);
  const world = new World(own);
  try {
    await run(world);
  } finally {
    world.store.close();
    fs.rmSync(own, { recursive: true, force: true });
  }
}

type Event =
  | { readonly kind: 'mine'; readonly difficulty: number; readonly seconds: number }
  | { readonly kind: 'read' | 'round' | 'copy' | 'mute' | 'reset' }
  | { readonly kind: 'restore'; readonly place: number };

function eventsWith(hasResets: boolean): fc.Arbitrary<Event[]> {
  const mine = fc.record({
    kind: fc.constant('mine' as const),
    difficulty: fc.constantFrom(0, 0.0625, 3.25, 1_000, 65_536.5),
    seconds: fc.constantFrom(1, 29, 61, 300, 601, 1_900, 90_000),
  });
  const restore = fc.record({ kind: fc.constant('restore' as const), place: fc.nat(9) });
  const event = (kind: 'read' | 'round' | 'copy' | 'mute' | 'reset') => fc.constant({ kind });
  return fc.array(
    fc.oneof<[fc.WeightedArbitrary<Event>, ...fc.WeightedArbitrary<Event>[]]>(
      { weight: 6, arbitrary: mine },
      { weight: 4, arbitrary: event('read') },
      { weight: 4, arbitrary: event('round') },
      { weight: 1, arbitrary: event('copy') },
      { weight: 1, arbitrary: event('mute') },
      { weight: hasResets ? 1 : 0, arbitrary: event('reset') },
      { weight: 1, arbitrary: restore },
    ),
    { minLength: 5, maxLength: 60 },
  );
}

async function live(world: World, events: readonly Event[]): Promise<void> {
  for (const event of events) {
    if (event.kind === 'mine') world.mine(event.difficulty, event.seconds);
    if (event.kind === 'read') world.read();
    if (event.kind === 'round') await world.round();
    if (event.kind === 'copy') world.copy();
    if (event.kind === 'mute') world.site.isMute = true;
    if (event.kind === 'reset') world.restart();
    if (event.kind === 'restore') await world.restore(event.place);
  }
  await world.end();
}

describe('an agent whose older databases are put back', () => {
  it('is credited all that was mined, once, and knows it as the site does', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(eventsWith(false), (events) =>
        inWorld(async (world) => {
          await live(world, events);
          const { site, store, mined } = world;
          expect(site.sum('difficulty').plus(world.carried('difficulty')).toFixed()).toBe(mined.toFixed());
          expect(site.sum('amount').plus(world.carried('amount')).toFixed()).toBe(mined.times(RATE).toFixed());
          const [ours] = statementOf(store);
          expect(ours).toMatchObject({ amount: site.sum('amount').toFixed(), owed: '0', credits: site.booked.size });
          expect(store.credits.list({ state: 'refused' })).toEqual([]);
        }),
      ),
      { numRuns: 40 },
    );
  });

  it('is never credited more than was mined, where devices restart as well', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(eventsWith(true), (events) =>
        inWorld(async (world) => {
          await live(world, events);
          const { site, mined } = world;
          expect(site.sum('difficulty').plus(world.carried('difficulty')).lte(mined)).toBe(true);
          expect(site.sum('amount').plus(world.carried('amount')).lte(mined.times(RATE))).toBe(true);
        }),
      ),
      { numRuns: 40 },
    );
  });
});
