import { describe, expect, it } from 'vitest';
import type { Fields, Log } from '../../common/runtime/log.js';
import type { FleetMember } from '../fleet/fleet.js';
import { GistFault, hintOf } from '../relay/gist-fault.js';
import { duration, Mirror } from './mirror.js';
import type { Look, Part } from './sources.js';

const START = 1_765_600_000_000;

const part = (updated_at: number, { name = 'gist', interval_s = 60, left_out = 0 } = {}): Part => {
  const miners: FleetMember[] = [
    { id: 1, name: 'rig1', miner_type: 'axeos', state: 'online', at: updated_at },
    { id: 2, name: 'rig2', miner_type: 'axeos', state: 'offline' },
  ];
  return { name, published: { updated_at, interval_s, poll_interval_s: 30, left_out, miners } };
};

class Desk {
  now = START;
  elapsed = 7_000;
  looks = 0;
  next: Look | Error | 'hang' = { parts: [part(START - 10_000)], problems: [] };
  readonly told: string[] = [];
  readonly mirror: Mirror;

  constructor() {
    const say =
      (level: string) =>
      (event: string, fields: Fields = {}): void =>
        void this.told.push(`${level} ${event} ${fields.reason ?? ''}`.trim());
    const log: Log = { error: say('error'), warn: say('warn'), info: say('info'), debug: () => {} };
    const look = async (): Promise<Look> => {
      this.looks += 1;
      if (this.next === 'hang') return new Promise(() => {});
      if (this.next instanceof Error) throw this.next;
      return this.next;
    };
    this.mirror = new Mirror({
      source: { name: 'gist', delay_s: 0, look },
      ttl_s: 30,
      now: () => this.now,
      elapsed: () => this.elapsed,
      random: () => 0,
      log,
      patience_ms: 20,
    });
  }

  after(seconds: number) {
    this.now += seconds * 1_000;
    this.elapsed += seconds * 1_000;
    return this.mirror.view();
  }
}

const fault = (code: GistFault['code'], not_before?: number) =>
  new GistFault(code, `HTTP error (${code})`, hintOf(code, 'read'), not_before);

describe('the published fleet', () => {
  it('is fetched once in a while, however many ask', async () => {
    const desk = new Desk();
    await Promise.all([desk.after(0), desk.after(0), desk.after(0)]);
    await desk.after(29);
    expect(desk.looks).toBe(1);
    const shown = await desk.after(1);
    expect(desk.looks).toBe(2);
    expect(shown).toMatchObject({
      source: 'gist',
      stale: false,
      age_s: 40,
      fetched_at: START + 30_000,
      at: START + 30_000,
    });
    expect(shown.miners.map(({ state }) => state)).toEqual(['online', 'offline']);
    expect(shown).not.toHaveProperty('message');
    expect(desk.told).toEqual(['info fleet fetched']);
  });

  it('is shown on while it cannot be fetched, and then as old', async () => {
    const desk = new Desk();
    await desk.after(0);
    desk.next = fault('server');
    expect(await desk.after(30)).toMatchObject({
      stale: false,
      age_s: 40,
      message: expect.stringContaining('last 30 s ago'),
    });
    const old = await desk.after(3_600);
    expect(old).toMatchObject({ stale: true, age_s: 3_640 });
    expect(old.message).toMatch(/cannot be fetched \(last 61 min ago\): HTTP error \(server\): GitHub has a problem/);
    expect(old.miners.map(({ state }) => state)).toEqual(['stale', 'offline']);
    expect(desk.told).toEqual(['info fleet fetched', 'warn fleet not fetched HTTP error (server)']);
    desk.next = { parts: [part(desk.now)], problems: [] };
    expect(await desk.after(3_600)).toMatchObject({ stale: true });
    desk.next = { parts: [part(desk.now)], problems: [] };
    expect(await desk.after(30)).toMatchObject({ stale: false, age_s: 30 });
  });

  it('is old where its agent has stopped, though it can be fetched', async () => {
    const desk = new Desk();
    await desk.after(0);
    desk.next = { problems: [] };
    for (let round = 0; round < 6; round += 1) expect(await desk.after(30)).toMatchObject({ stale: false });
    const shown = await desk.after(30);
    expect(shown).toMatchObject({
      stale: true,
      age_s: 220,
      agents: [{ name: 'gist', stale: true, age_s: 220, miners: 2 }],
    });
    expect(shown.message).toMatch(/^What the agent wrote is 4 min old: is the agent running/);
  });

  it("does not stay young because its agent's clock is ahead", async () => {
    const desk = new Desk();
    desk.next = { parts: [part(START + 86_400_000)], problems: [] };
    expect(await desk.after(0)).toMatchObject({
      stale: false,
      age_s: 0,
      message: "The clock of gist is ahead of this one's: set it right.",
    });
    expect(await desk.after(600)).toMatchObject({ stale: true, age_s: 600 });
  });

  it.each([
    ['unauthorized', /invalid or expired/],
    ['forbidden', /check GIST_ID or GIST_RAW_URL, and GIST_TOKEN/],
    ['missing', /check that GIST_ID or GIST_RAW_URL is right/],
    ['rate-limited', /increase GIST_CACHE_TTL/],
  ] as const)('is asked for ever more rarely where the answer is %s, and says what to do', async (code, hint) => {
    const desk = new Desk();
    desk.next = fault(code);
    const shown = await desk.after(0);
    expect(shown).toMatchObject({ stale: true, miners: [], agents: [] });
    expect(shown).not.toHaveProperty('age_s');
    expect(shown.message).toMatch(/never yet/);
    expect(shown.message).toMatch(hint);
    const looks: number[] = [];
    for (let second = 0; second < 3_600; second += 30) {
      const before = desk.looks;
      await desk.after(30);
      if (desk.looks > before) looks.push((desk.now - START) / 1_000);
    }
    expect(looks).toEqual([60, 180, 420, 900, 1_800, 2_700, 3_600]);
  });

  it('waits as long as GitHub says, and until there is something left of the limit', async () => {
    const desk = new Desk();
    desk.next = fault('rate-limited', START + 1_200_000);
    await desk.after(0);
    await desk.after(1_199);
    expect(desk.looks).toBe(1);
    desk.next = { parts: [part(desk.now)], problems: [], not_before: START + 1_400_000 };
    await desk.after(1);
    await desk.after(100);
    expect(desk.looks).toBe(2);
  });

  it('is fetched on, and grows old, after the clock here was set back', async () => {
    const desk = new Desk();
    await desk.after(0);
    desk.now -= 86_400_000;
    desk.next = { problems: [] };
    expect(await desk.after(30)).toMatchObject({ fetched_at: desk.now, stale: false });
    expect(desk.looks).toBe(2);
    expect(await desk.after(600)).toMatchObject({ stale: true, age_s: 630 });
    desk.next = fault('server');
    await desk.after(30);
    desk.now -= 86_400_000;
    expect(desk.mirror.shown().message).toContain('(last 0 s ago)');
  });

  it('waits for a fetch that hangs only a moment', async () => {
    const desk = new Desk();
    await desk.after(0);
    desk.next = 'hang';
    expect((await desk.after(30)).miners).toHaveLength(2);
    await desk.after(30);
    expect(desk.looks).toBe(2);
  });

  it('may be of several agents, of which one is old', async () => {
    const desk = new Desk();
    desk.next = {
      parts: [part(START, { name: 'barn' }), part(START - 900_000, { name: 'home', left_out: 3 })],
      problems: ['shed.txt: it is no JSON'],
    };
    const shown = await desk.after(0);
    expect(shown.miners.map(({ id, name, state }) => [id, name, state])).toEqual([
      [1, 'barn/rig1', 'online'],
      [2, 'barn/rig2', 'offline'],
      [1_000_001, 'home/rig1', 'stale'],
      [1_000_002, 'home/rig2', 'offline'],
    ]);
    expect(shown).toMatchObject({ stale: true, age_s: 900 });
    expect(shown.message).toMatch(
      /What home wrote is 15 min old.* 3 miners of home are not listed.* shed.txt: it is no JSON/,
    );
  });

  it.each([
    [0, '0 s'],
    [119, '119 s'],
    [600, '10 min'],
    [18_000, '5 h'],
    [259_200, '3 days'],
  ])('says %i s as %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});
