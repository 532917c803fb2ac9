/** What happens to pending changes, with a server that does as it is told. */
import { describe, expect, it } from 'vitest';
import { Flusher } from './flusher.js';
import type { Outcome } from './outcome.js';
import { type Pending, PendingChanges } from './pending.js';
import type { Server } from './server.js';
import { MemoryBox } from './storage.js';

const COIN = 100_000_000n;

class Scene {
  readonly box = new MemoryBox();
  now = 1_770_000_000_000;
  readonly pending = new PendingChanges(
    this.box,
    '1-andy',
    () => this.now,
    () => `key${++this.#keys}`,
  );
  readonly sent: string[] = [];
  readonly settled: [string, string][] = [];
  /** What the server says next, of which key; done where nothing is said. */
  readonly says = new Map<string, Outcome[]>();
  timers: { at: number; run: () => void }[] = [];
  isOtherTabAtIt = false;
  signIns = 0;
  canSignIn: boolean | 'perhaps' = false;
  signedOut = 0;
  onSend: (change: Pending) => Promise<void> | void = () => {};
  #keys = 0;

  readonly flusher = new Flusher({
    pending: this.pending,
    server: { change: (_user: string, change: Pending) => this.#change(change) } as unknown as Server,
    alone: async (work) => {
      if (this.isOtherTabAtIt) return false;
      await work();
      return true;
    },
    onSettled: (change, outcome) => this.settled.push([change.key, outcome.kind]),
    signIn: async () => {
      this.signIns += 1;
      if (this.canSignIn === 'perhaps') throw new Error('no answer');
      return this.canSignIn;
    },
    onSignedOut: () => {
      this.signedOut += 1;
    },
    now: () => this.now,
    random: () => 1,
    later: (ms, run) => {
      const timer = { at: this.now + ms, run };
      this.timers.push(timer);
      return () => {
        this.timers = this.timers.filter((one) => one !== timer);
      };
    },
  });

  async #change(change: Pending): Promise<Outcome> {
    this.sent.push(change.key);
    await this.onSend(change);
    return this.says.get(change.key)?.shift() ?? { kind: 'done', balance: 0n };
  }

  /** Until the next timer is due and everything that it begins is done. */
  async tick(): Promise<void> {
    const next = this.timers.sort((a, b) => a.at - b.at).shift();
    if (next === undefined) throw new Error('nothing is set');
    this.now = next.at;
    next.run();
    await this.flusher.flush();
  }
}

describe('the flusher', () => {
  it('sends in order, one after the other, and keeps nothing that was answered', async () => {
    const scene = new Scene();
    let onTheWay = 0;
    scene.onSend = async () => {
      onTheWay += 1;
      await Promise.resolve();
      expect(onTheWay).toBe(1);
      onTheWay -= 1;
    };
    for (const amount of [20n, -5n, 3n]) scene.pending.add(amount * COIN, 's', '');
    await scene.flusher.flush();
    expect(scene.sent).toEqual(['key1', 'key2', 'key3']);
    expect(scene.pending.list()).toEqual([]);
    expect(scene.timers).toEqual([]);
  });

  it('hazard 8: an amount added in flight is sent too, and not wiped', async () => {
    const scene = new Scene();
    scene.pending.add(20n * COIN, 's', '');
    scene.onSend = ({ key }) => {
      if (key === 'key1') scene.pending.add(7n * COIN, 's', '');
    };
    await scene.flusher.flush();
    expect(scene.sent).toEqual(['key1', 'key2']);
  });

  it('hazard 8: what may have been carried out is sent again under its key, and nothing overtakes it', async () => {
    const scene = new Scene();
    scene.says.set('key1', [{ kind: 'unknown' }, { kind: 'unknown' }]);
    scene.pending.add(-5n * COIN, 'slots_bet', '');
    scene.pending.add(9n * COIN, 'slots_win', '');
    await scene.flusher.flush();
    expect(scene.pending.list()).toHaveLength(2);
    await scene.tick();
    await scene.tick();
    expect(scene.sent).toEqual(['key1', 'key1', 'key1', 'key2']);
    expect(scene.settled).toEqual([
      ['key1', 'done'],
      ['key2', 'done'],
    ]);
  });

  it('waits longer each time, and not at all once the network is back', async () => {
    const scene = new Scene();
    scene.says.set('key1', Array(12).fill({ kind: 'unknown' }));
    scene.pending.add(COIN, 's', '');
    await scene.flusher.flush();
    const waits: number[] = [];
    for (let tries = 0; tries < 9; tries += 1) {
      waits.push((scene.timers[0]?.at ?? 0) - scene.now);
      await scene.tick();
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    scene.flusher.wake();
    await scene.flusher.flush();
    expect((scene.timers[0]?.at ?? 0) - scene.now).toBeLessThanOrEqual(1000);
  });

  it('a credit that is not due yet lets a spend pass', async () => {
    const scene = new Scene();
    scene.says.set('key1', [{ kind: 'later', after_ms: 60_000 }]);
    scene.pending.add(20n * COIN, 'faucet', '');
    scene.pending.add(-5n * COIN, 'slots_bet', '');
    await scene.flusher.flush();
    expect(scene.settled).toEqual([['key2', 'done']]);
    expect((scene.timers[0]?.at ?? 0) - scene.now).toBe(60_000);
    await scene.tick();
    expect(scene.settled.at(-1)).toEqual(['key1', 'done']);
  });

  it('a spend that has to wait keeps what comes after it waiting', async () => {
    const scene = new Scene();
    scene.says.set('key1', [{ kind: 'later', after_ms: 2_000 }]);
    scene.pending.add(-5n * COIN, 'slots_bet', '');
    scene.pending.add(9n * COIN, 'slots_win', '');
    await scene.flusher.flush();
    expect(scene.sent).toEqual(['key1']);
    await scene.tick();
    expect(scene.sent).toEqual(['key1', 'key1', 'key2']);
  });

  it('asks for a session where the server wants one, and not at every try', async () => {
    const scene = new Scene();
    scene.canSignIn = true;
    scene.says.set('key1', [{ kind: 'unauthorized' }]);
    scene.pending.add(COIN, 's', '');
    await scene.flusher.flush();
    expect(scene.sent).toEqual(['key1', 'key1']);
    scene.canSignIn = false;
    scene.says.set('key2', Array(9).fill({ kind: 'unauthorized' }));
    scene.pending.add(COIN, 's', '');
    await scene.flusher.flush();
    await scene.tick();
    expect(scene.signIns).toBe(1);
    expect(scene.pending.list()).toHaveLength(1);
  });

  it('says that nobody is signed in where no session is to be had, and keeps what is pending until one is', async () => {
    const scene = new Scene();
    scene.says.set('key1', Array(3).fill({ kind: 'unauthorized' }));
    scene.pending.add(COIN, 's', '');
    scene.canSignIn = 'perhaps';
    await scene.flusher.flush();
    expect(scene.signedOut).toBe(0);
    scene.canSignIn = false;
    scene.flusher.wake();
    await scene.flusher.flush();
    expect([scene.signIns, scene.signedOut, scene.pending.list().length]).toEqual([2, 1, 1]);
    scene.canSignIn = true;
    scene.flusher.wake();
    await scene.flusher.flush();
    expect([scene.signedOut, scene.pending.list(), scene.settled]).toEqual([1, [], [['key1', 'done']]]);
  });

  it('says so too where the session that was opened is not taken', async () => {
    const scene = new Scene();
    scene.canSignIn = true;
    scene.says.set('key1', Array(2).fill({ kind: 'unauthorized' }));
    scene.pending.add(COIN, 's', '');
    await scene.flusher.flush();
    expect([scene.signIns, scene.signedOut, scene.pending.list().length]).toEqual([1, 1, 1]);
  });

  it('hazard 8: leaves it to the other tab that is at it, and looks again', async () => {
    const scene = new Scene();
    scene.isOtherTabAtIt = true;
    scene.pending.add(COIN, 's', '');
    await scene.flusher.flush();
    expect(scene.sent).toEqual([]);
    scene.isOtherTabAtIt = false;
    await scene.tick();
    expect(scene.sent).toEqual(['key1']);
  });

  it('what was refused is gone, and said', async () => {
    const scene = new Scene();
    scene.says.set('key1', [{ kind: 'refused', reason: 'no' }]);
    scene.pending.add(-COIN, 's', '');
    await scene.flusher.flush();
    expect(scene.settled).toEqual([['key1', 'refused']]);
    expect(scene.pending.list()).toEqual([]);
  });
});
