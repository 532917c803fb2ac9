import { describe, expect, it } from 'vitest';
import type { Fields, Level, Log } from '../../common/runtime/log.js';
import type { Fleet, FleetMember, MinerState } from '../fleet/fleet.js';
import { GistFault } from './gist-fault.js';
import { Publisher } from './publisher.js';
import type { Snapshot } from './snapshot.js';

const START = 1_765_600_000_000;

class Desk {
  now = START;
  states: MinerState[] = ['online', 'online', 'offline'];
  rate = 1e12;
  error: Error | undefined;
  readonly written: Snapshot[] = [];
  readonly lines: { level: Level; event: string; fields: Fields }[] = [];
  readonly publisher: Publisher;

  constructor({ interval_s = 60, refresh_s }: { interval_s?: number; refresh_s?: number } = {}) {
    const say =
      (level: Level) =>
      (event: string, fields: Fields = {}): void =>
        void this.lines.push({ level, event, fields });
    const log: Log = { error: say('error'), warn: say('warn'), info: say('info'), debug: say('debug') };
    this.publisher = new Publisher({
      target: {
        name: 'gist',
        place: 'abc',
        interval_s,
        refresh_s: refresh_s ?? interval_s,
        write: async (text) => {
          if (this.error !== undefined) throw this.error;
          this.written.push(JSON.parse(text) as Snapshot);
        },
      },
      fleet: () => this.#fleet(),
      addresses: false,
      now: () => this.now,
      random: () => 0,
      log,
    });
  }

  /** One step after so many seconds. */
  async after(seconds: number) {
    this.now += seconds * 1_000;
    const { did, wait_ms } = await this.publisher.step();
    return [did, wait_ms / 1_000];
  }

  loud(): string[] {
    return this.lines.filter(({ level }) => level !== 'debug').map(({ level, event }) => `${level} ${event}`);
  }

  #fleet(): Fleet {
    const miners = this.states.map((state, place): FleetMember => {
      const reading = {
        family: 'axeos',
        hashrate_hps: this.rate,
        uptime_s: this.now / 1_000,
        pools: [],
        fans: [],
        boards: [],
      } as const;
      return {
        id: place + 1,
        name: `rig${place}`,
        miner_type: 'axeos',
        state,
        ...(state === 'online' && { at: this.now, reading }),
      };
    });
    return { at: this.now, poll_interval_s: 30, miners };
  }
}

const fault = (code: GistFault['code'], not_before?: number) =>
  new GistFault(code, `HTTP ${code}`, 'do this', not_before);

describe('publishing', () => {
  it('writes at every interval, and moves last_updated', async () => {
    const desk = new Desk();
    expect(await desk.after(0)).toEqual(['published', 60]);
    expect(await desk.after(60)).toEqual(['published', 60]);
    expect(desk.written.map(({ last_updated }) => Date.parse(last_updated))).toEqual([START, START + 60_000]);
    expect(desk.loud()).toEqual(['info gist updated']);
    expect(desk.lines[0]?.fields).toEqual({ gist: 'abc', miners: 3, online: 2 });
    expect(desk.publisher.status()).toEqual({
      place: 'abc',
      interval_s: 60,
      published_at: START + 60_000,
      miners: 3,
      online: 2,
      failures: 0,
    });
  });

  it('waits for the first round of polling, but not for ever', async () => {
    const desk = new Desk();
    desk.states = ['unknown', 'disabled'];
    expect(await desk.after(0)).toEqual(['early', 1]);
    expect(await desk.after(30)).toEqual(['early', 1]);
    expect(await desk.after(30)).toEqual(['published', 60]);
  });

  it('publishes a fleet without miners at once', async () => {
    const desk = new Desk();
    desk.states = [];
    expect(await desk.after(0)).toEqual(['published', 60]);
  });

  it('leaves out what is as it was, where it may', async () => {
    const desk = new Desk({ interval_s: 60, refresh_s: 300 });
    const done: unknown[] = [];
    for (let round = 0; round < 7; round += 1) done.push((await desk.after(60))[0]);
    expect(done).toEqual(['published', 'same', 'same', 'same', 'same', 'published', 'same']);
    desk.rate = 2e12;
    expect(await desk.after(60)).toEqual(['published', 60]);
    desk.states = ['online', 'offline', 'offline'];
    expect(await desk.after(60)).toEqual(['published', 60]);
  });

  it('comes back soon where the way is broken', async () => {
    const desk = new Desk({ interval_s: 600 });
    for (const code of ['unreachable', 'server', 'conflict'] as const) {
      desk.error = fault(code);
      expect(await desk.after(60)).toEqual(['failed', 60]);
    }
    desk.error = new Error('EIO');
    expect(await desk.after(60)).toEqual(['failed', 60]);
  });

  it('asks ever more rarely for what waiting does not repair', async () => {
    const desk = new Desk();
    desk.error = fault('unauthorized');
    const waits: unknown[] = [];
    for (let round = 0; round < 6; round += 1) waits.push((await desk.after(60))[1]);
    expect(waits).toEqual([120, 240, 480, 900, 900, 900]);
  });

  it('waits as long as GitHub says', async () => {
    const desk = new Desk();
    desk.error = fault('rate-limited', START + 1_800_000);
    expect(await desk.after(0)).toEqual(['failed', 1_800]);
    desk.error = fault('rate-limited', START + 10_000);
    expect(await desk.after(1_800)).toEqual(['failed', 240]);
  });

  it('says a failure once, its change, and its end', async () => {
    const desk = new Desk();
    desk.error = fault('missing');
    for (let round = 0; round < 29; round += 1) await desk.after(60);
    expect(desk.loud()).toEqual(['warn gist not updated']);
    expect(desk.lines[0]?.fields).toMatchObject({
      code: 'AXL-RELAY-GIST',
      reason: 'HTTP missing',
      hint: 'do this',
      next_s: 120,
    });
    expect(desk.publisher.status()).toMatchObject({ error: 'HTTP missing: do this', failures: 29 });
    await desk.after(60);
    desk.error = fault('server');
    await desk.after(60);
    desk.error = undefined;
    await desk.after(60);
    expect(desk.loud()).toEqual([...Array(3).fill('warn gist not updated'), 'info gist updated']);
    expect(desk.lines.at(-1)?.fields).toMatchObject({ failures: 31 });
    expect(desk.publisher.status()).not.toHaveProperty('error');
  });
});
