/**
 * Two weeks of shares in a few minutes, by a clock of our own: one or more miners of every kind, read every 30 s through their
 * real adapters, while miners restart, counters are reset, replies are lost, pools change the difficulty, agents and sites
 * go away, some workers have no user for days, and what is old is kept by the day. What is credited in the end is compared with what the pools have accepted.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Big from 'big.js';
import { adapterOf } from '../../miner/adapters/identify.js';
import type { MinerReading } from '../../miner/adapters/reading.js';
import { Accounts } from '../../miner/shares/accounts.js';
import { Outbox } from '../../miner/shares/outbox.js';
import { settle } from '../../miner/shares/settling.js';
import { statementOf } from '../../miner/shares/statement.js';
import { KINDS, type Kind } from '../../miner/simulate/miner-state.js';
import { seeded } from '../../miner/simulate/random.js';
import type { MinerRow } from '../../miner/store/miners.js';
import { FleetStore } from '../../miner/store/store.js';
import { ADAPTERS } from './polling.js';
import { SimulatedSite } from './simulated-site.js';
import { WatchedMiner } from './watched-miner.js';

export interface WeeksOptions {
  readonly days: number;
  /** Of each kind. */
  readonly each: number;
  readonly seed: number;
}

export interface KindResult {
  readonly kind: Kind;
  readonly restarts: number;
  readonly resets: number;
  readonly lost_replies: number;
  /** Difficulty that pools have accepted since the first reading. */
  readonly accepted: number;
  readonly credited: number;
  /** Mined between the last reading and a restart or a reset: no counter shows it any more. */
  readonly unseen: number;
  /** A reset that no reading could tell, because the counter was above its old place when it was read next. */
  readonly hidden: number;
  /** What counters have shown and was not credited; below 0, credited too much. */
  readonly missing: number;
  readonly is_estimate: boolean;
}

export interface WeeksResult {
  readonly readings: number;
  readonly duration_s: number;
  readonly kinds: readonly KindResult[];
  readonly credits: number;
  readonly sent: number;
  readonly held: number;
  /** The statement by day and the site's own are the same, to the last digit. */
  readonly agrees: boolean;
  readonly isGood: boolean;
}

const START_MS = Date.UTC(2026, 0, 1);
const INTERVAL_MS = 30_000;
const DAY_MS = 86_400_000;
const PERIOD_MS = 600_000;
const KEEP = { raw_h: 26, ten_minutes_d: 32, hour_d: 1_100, credits_d: 2 };
/** Until then, workers of these kinds have no user. */
const ASSIGNED_MS = START_MS + 4 * DAY_MS;
const UNASSIGNED: readonly Kind[] = ['antminer', 'avalon-q', 'bitaxe'];
const WORTH = '0.00000123456789';

export async function measureWeeks({ days, each, seed }: WeeksOptions): Promise<WeeksResult> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-weeks-'));
  const started = performance.now();
  let now = START_MS;
  const random = seeded(seed);
  let store = FleetStore.open(path.join(folder, 'fleet.db'));
  store.db.pragma('synchronous = OFF');
  try {
    const site = new SimulatedSite(random);
    const watched = KINDS.flatMap((kind) =>
      Array.from({ length: each }, (_, place) => new WatchedMiner(kind, place, () => now, seeded(seed + place * 97))),
    );
    const rows = watched.map(({ kind, mac, name }) =>
      store.miners.add({ name, miner_type: kind, mac_address: mac, ip_address: '127.0.0.1', created_at: now }),
    );
    let agent = agentOf(store, site, () => now, random);
    let readings = 0;
    for (const ends_at = now + days * DAY_MS; now < ends_at; now += INTERVAL_MS) {
      const read: [WatchedMiner, MinerRow, MinerReading][] = [];
      for (const [place, miner] of watched.entries()) {
        miner.live(INTERVAL_MS);
        if (miner.isSilent) continue;
        const adapter = adapterOf(ADAPTERS[miner.kind]);
        if (adapter === undefined) throw new Error(`no adapter for ${miner.kind}`);
        read.push([miner, rows[place] as MinerRow, adapter.parse(await adapter.read(miner))]);
      }
      // Ends now and then before what it has read is stored.
      if (random() < INTERVAL_MS / DAY_MS) {
        store.close();
        store = FleetStore.open(path.join(folder, 'fleet.db'));
        store.db.pragma('synchronous = OFF');
        agent = agentOf(store, site, () => now, random);
        continue;
      }
      store.transaction(() => {
        for (const [miner, row, reading] of read) {
          agent.accounts.take(row, reading, now);
          miner.seen(reading);
          readings += 1;
        }
      });
      if ((now / INTERVAL_MS) % 20 === 0) await agent.credit();
    }
    for (const { id } of rows) agent.accounts.close(id);
    site.recover();
    for (let round = 0; round < 50 && (await agent.credit()) > 0; round += 1) now += 3_600_000;
    const kinds = KINDS.map((kind) => resultOf(kind, watched, store));
    const agrees = JSON.stringify(statement(store)) === JSON.stringify(site.days());
    const held = store.works.count('held');
    const { owed, refused } = store.credits.status();
    return {
      readings,
      duration_s: (performance.now() - started) / 1_000,
      kinds,
      credits: site.credits,
      sent: site.asked,
      held,
      agrees,
      isGood: agrees && held === 0 && owed === 0 && refused === 0 && kinds.every(isGood),
    };
  } finally {
    store.close();
    fs.rmSync(folder, { recursive: true });
  }
}

function agentOf(store: FleetStore, site: SimulatedSite, now: () => number, random: () => number) {
  const silent = () => {};
  const log = { error: silent, warn: silent, info: silent, debug: silent };
  const outbox = new Outbox(store, { client: site, log, now, random });
  return {
    accounts: new Accounts(store, { period_ms: PERIOD_MS, plausible: { min: 0.5, max: 1.5 } }),
    /** Returns how many are still owed. */
    credit: async () => {
      const assigned = KINDS.filter((kind) => now() >= ASSIGNED_MS || !UNASSIGNED.includes(kind));
      const users = { table: {}, rules: assigned.map((kind) => ({ worker: `${kind}-*`, user: `1-${kind}` })) };
      while (settle(store, { users, worth: WORTH, now }).isMore);
      while (store.ageing.step(now() / 1_000, KEEP));
      await outbox.sendDue();
      return store.credits.status().owed;
    },
  };
}

function statement(store: FleetStore) {
  return statementOf(store, { group: 'day' }).map(({ day, user, miner, amount, difficulty, credits }) => ({
    day,
    user,
    miner,
    amount,
    difficulty,
    credits,
  }));
}

function resultOf(kind: Kind, all: readonly WatchedMiner[], store: FleetStore): KindResult {
  const watched = all.filter((one) => one.kind === kind);
  const macs = watched.map(({ mac }) => mac);
  const sum = (of: (one: WatchedMiner) => number) => watched.reduce((total, one) => total + of(one), 0);
  const rows = statementOf(store).filter(({ miner }) => macs.includes(miner));
  const carried = store.db
    .prepare<[], { worker_key: string; difficulty: string }>('SELECT worker_key, difficulty FROM carries')
    .all()
    .filter(({ worker_key }) => macs.includes(worker_key));
  const credited = [...rows, ...carried]
    .reduce((total, { difficulty }) => total.plus(difficulty), new Big(0))
    .toNumber();
  const [accepted, unseen, hidden] = [sum((one) => one.accepted), sum((one) => one.unseen), sum((one) => one.hidden)];
  return {
    kind,
    restarts: sum((one) => one.restarts),
    resets: sum((one) => one.resets),
    lost_replies: sum((one) => one.lost_replies),
    accepted,
    credited,
    unseen,
    hidden,
    missing: accepted - unseen - hidden - credited,
    is_estimate: rows.some(({ is_estimate }) => is_estimate),
  };
}

/** Counters of a program that adds up fractions are off in the last of 15 digits. */
const EXACT_PART = 1e-9;

/** Estimates have no more to be than that; everything else is exact. A miner without counters earns nothing. */
function isGood({ kind, is_estimate, accepted, credited, missing }: KindResult): boolean {
  if (kind === 'whatsminer3') return credited === 0;
  if (is_estimate) return credited <= accepted && credited > 0.9 * accepted;
  return Math.abs(missing) <= EXACT_PART * accepted;
}
