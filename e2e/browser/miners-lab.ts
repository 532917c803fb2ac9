/** A real miner agent with its API and page, and simulated devices that it finds and reads over real sockets. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Log, SILENT } from '../../common/runtime/log.js';
import { parseMinerConfig } from '../../miner/config/config.js';
import { type MinerDaemon, runMiner } from '../../miner/main.js';
import { EXAMPLE_WALLET, Fleet, type FleetMiner } from '../../miner/simulate/fleet.js';
import type { Kind } from '../../miner/simulate/miner-state.js';

const PORTS = { rpc: 14_528, http: 18_580, whatsminer: 14_933 };

export class MinersLab {
  readonly network = '127.58.0.0/28';
  readonly wallet = EXAMPLE_WALLET;

  private constructor(
    readonly folder: string,
    readonly devices: Fleet,
    readonly daemon: MinerDaemon,
    readonly port: number,
  ) {}

  static async start(options: { readonly count: number; readonly kinds: readonly Kind[] }): Promise<MinersLab> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-miners-'));
    const devices = await Fleet.start({
      ...options,
      first: '127.58.0.1',
      ports: PORTS,
      pool_url: 'stratum+tcp://solo.ckpool.org:3333',
    });
    const text = `
state: ${folder}
networks: [127.58.0.0/28]
scan_interval_s: 0
poll_interval_s: 5
stale_after_s: 8
offline_after_s: 14
ports: {rpc: ${PORTS.rpc}, http: ${PORTS.http}, whatsminer: ${PORTS.whatsminer}}
api: {port: 0}
`;
    let port = 0;
    const log: Log = {
      ...SILENT,
      info: (event, fields) => {
        if (event === 'miner API') port = Number(fields?.port);
      },
    };
    const daemon = await runMiner(parseMinerConfig(text, 'miner.yaml'), log);
    return new MinersLab(folder, devices, daemon, port);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  async switchOff(kind: Kind): Promise<void> {
    await this.devices.switchOff(this.#of(kind));
  }

  async switchOn(kind: Kind): Promise<void> {
    await this.devices.switchOn(this.#of(kind));
  }

  async close(): Promise<void> {
    await this.daemon.stop();
    await this.devices.stop();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  #of(kind: Kind): FleetMiner {
    const miner = this.devices.miners.find((one) => one.kind === kind);
    if (miner === undefined) throw new Error(`no ${kind}`);
    return miner;
  }
}
