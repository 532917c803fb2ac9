/** I8: held changes and decisions in any order, with restarts in between, against a model that counts. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_POLICIES } from '../core/policy.js';
import { counterValue } from '../core/render.js';
import { SILENT } from '../runtime/log.js';
import { absorb } from './absorb.js';
import { DEFAULT_GUARDS } from './guard.js';
import { approveHeld, listHeld, rejectHeld } from './held.js';
import { absorbLateWrites } from './late-writes.js';
import { LiveFiles } from './live-files.js';
import { materialise } from './materialise.js';
import { recover } from './recover.js';
import { Replica } from './replica.js';
import { noSteps } from './steps.js';
import { Store } from './store.js';

const ANDY = 'balances/1-andy';
const MEMORY = '/dev/shm';

let root = '';
beforeEach(() => {
  root = fs.mkdtempSync(path.join(fs.existsSync(MEMORY) ? MEMORY : os.tmpdir(), 'axle-held-'));
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

/** One site without its loops: every step is the test's. */
class TestSite {
  replica: Replica;
  now = 1_000_000;
  readonly userdata: string;
  #writes = 0;

  constructor(folder: string) {
    this.userdata = path.join(folder, 'userdata');
    fs.mkdirSync(path.join(this.userdata, 'balances'), { recursive: true });
    this.replica = this.#open(folder);
    this.replica.setPhase('ready');
  }

  #open(folder: string): Replica {
    const files = new LiveFiles({ root: this.userdata, maxFileBytes: 10_000 });
    files.prepare();
    const replica = new Replica({
      site: 'roflfaucet',
      peers: [],
      store: Store.open(path.join(folder, 'state.db')),
      files,
      policies: DEFAULT_POLICIES,
      joinRule: 'hold',
      guards: DEFAULT_GUARDS,
      now: () => this.now,
      steady: () => this.now,
      randomHex: (bytes) => (this.#writes++).toString(16).padStart(bytes * 2, '0'),
      log: SILENT,
      steps: noSteps,
      clockSkewMaxMs: 60_000,
    });
    recover(replica);
    return replica;
  }

  restart(folder: string): void {
    this.replica.close();
    this.replica = this.#open(folder);
  }

  write(balance: number): void {
    this.now += 1_000;
    fs.writeFileSync(`${this.userdata}/${ANDY}.txt`, JSON.stringify({ balance, last_updated: this.#writes++ }));
  }

  get shown(): number {
    return JSON.parse(fs.readFileSync(`${this.userdata}/${ANDY}.txt`, 'utf8')).balance;
  }

  get counted(): number {
    const { replica } = this;
    return Number(
      counterValue(replica.stateOf(replica.world.store.document(ANDY)).counters?.['/balance'] ?? { by: {} }),
    );
  }

  look(): Promise<unknown> {
    return this.replica.exclusive(() => absorb(this.replica, [ANDY]));
  }

  putBack(): Promise<unknown> {
    return materialise(this.replica, [ANDY]);
  }

  get ids(): number[] {
    return listHeld(this.replica, 0, 100).map(({ id }) => id);
  }
}

const OPS = ['add', 'take', 'zero', 'look twice', 'approve', 'reject', 'restart', 'late', 'minute'] as const;
const op = fc.record({ op: fc.constantFrom(...OPS), amount: fc.integer({ min: 1, max: 60 }) });

describe('held changes', () => {
  it('I8: count when they are approved, once, and never otherwise', { timeout: 60_000 }, async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 1, maxLength: 14 }), async (ops) => {
        const folder = path.join(root, String(run++));
        const site = new TestSite(folder);
        site.write(100);
        await site.look();
        await site.putBack();
        let balance = 100;
        /** What the one held change would take, what it showed, and when it was held. */
        let pending: { takes: number; shows: number; at: number } | undefined;
        for (const step of ops) {
          if (step.op === 'restart') site.restart(folder);
          else if (step.op === 'minute') site.now += 61_000;
          else if (step.op === 'look twice') {
            await site.look();
            await site.look();
          } else if (step.op === 'late') {
            site.now += 4_000;
            await site.replica.exclusive(() => absorbLateWrites(site.replica));
          } else if (step.op === 'approve' || step.op === 'reject') {
            const { ids } = site;
            expect(ids).toHaveLength(pending === undefined ? 0 : 1);
            const decide = step.op === 'approve' ? approveHeld : rejectHeld;
            expect(decide(site.replica, ids).done).toEqual(ids);
            expect(decide(site.replica, ids).done).toEqual([]);
            if (step.op === 'approve') balance -= pending?.takes ?? 0;
            pending = undefined;
          } else {
            const next = step.op === 'zero' ? 0 : step.op === 'add' ? balance + step.amount : balance - step.amount;
            site.write(next);
            await site.look();
            const isEcho =
              pending !== undefined &&
              site.now - pending.at <= 60_000 &&
              next < balance &&
              Math.abs(next - pending.shows) < balance - next;
            if ((next === 0 && balance > 0) || isEcho) pending = { takes: balance - next, shows: next, at: site.now };
            else balance = next;
          }
          await site.putBack();
          expect([site.counted, site.shown, site.ids.length]).toEqual([
            balance,
            balance,
            pending === undefined ? 0 : 1,
          ]);
        }
        site.replica.close();
      }),
      { numRuns: 150 },
    );
  });
});
