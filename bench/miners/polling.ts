/** Reading miners: a thousand devices with real servers in one process, 20 ms away, and the agent in another one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Fleet } from '../../miner/simulate/fleet.js';
import type { Kind } from '../../miner/simulate/miner-state.js';
import type { NewMiner } from '../../miner/store/miners.js';

export interface PollingOptions {
  readonly devices: number;
  readonly hung: number;
  readonly delay_ms: number;
  readonly interval_s: number;
  readonly rounds: number;
}

export interface PolledRound {
  readonly asked: number;
  readonly good: number;
  /** Still being asked when it ended: those that hang. */
  readonly late: number;
  readonly online: number;
  /** Known to have failed the last time. */
  readonly failing: number;
  readonly duration_ms: number;
  readonly cpu_ms: number;
  readonly rss_mb: number;
  readonly rss_max_mb: number;
}

const FIRST = '127.50.0.1';
/** 80 may need rights. */
export const PORTS = { http: 8_080 };

/** systemd/axle-miner.service starts it so. */
const AS_ITS_UNIT = ['--max-old-space-size=384'];

export const ADAPTERS: Readonly<Record<Kind, string>> = {
  antminer: 'antminer',
  'avalon-nano3s': 'avalon',
  'avalon-q': 'avalon',
  'avalon-1246': 'avalon',
  whatsminer2: 'whatsminer',
  whatsminer3: 'whatsminer3',
  braiins: 'braiins',
  bitaxe: 'axeos',
  nerdqaxe: 'axeos',
  nerdminer: 'nerdminer',
  cgminer: 'cgminer',
};

/** Of each round, as it ends. */
export async function measurePolling(
  options: PollingOptions,
  onRound: (round: PolledRound, number: number) => void,
): Promise<readonly PolledRound[]> {
  const { devices, hung, delay_ms } = options;
  const fleet = await Fleet.start({ count: devices, first: FIRST, ports: PORTS, delay_ms, faults: { hung } });
  const state = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-bench-'));
  const script = path.join(import.meta.dirname, 'polling-agent.js');
  const asked = [state, String(options.interval_s), String(options.rounds)];
  const agent = spawn(process.execPath, [...AS_ITS_UNIT, script, ...asked], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const rounds: PolledRound[] = [];
  try {
    const miners = fleet.miners.map(
      ({ name, kind, address, mac }): NewMiner => ({
        name,
        miner_type: ADAPTERS[kind],
        adapter: ADAPTERS[kind],
        ip_address: address,
        mac_address: mac,
        created_at: 0,
      }),
    );
    agent.stdin.end(JSON.stringify(miners));
    const ended = once(agent, 'exit');
    for await (const line of createInterface({ input: agent.stdout })) {
      const round = JSON.parse(line) as PolledRound;
      rounds.push(round);
      onRound(round, rounds.length);
    }
    await ended;
    if (rounds.length < options.rounds) throw new Error(`the agent ended after ${rounds.length} rounds`);
    return rounds;
  } finally {
    agent.kill();
    await fleet.stop();
    fs.rmSync(state, { recursive: true });
  }
}
