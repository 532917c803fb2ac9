/** Many simulated miners, each at an address of its own with real servers, for tests and for trying the product out. */
import { addressToNumber, numberToAddress } from '../discovery/addresses.js';
import { type Login, type Ports, STANDARD_PORTS } from '../readers/device.js';
import type { Fault } from './faults.js';
import { KINDS, type Kind, MODELS, SimulatedMiner } from './miner-state.js';
import { seeded } from './random.js';
import { type Behaviour, type Listening, startServers } from './servers.js';

export interface FleetOptions {
  readonly count: number;
  /** The first address; the next ones follow. Default 127.20.0.1: all of 127.0.0.0/8 is this machine on Linux. */
  readonly first?: string;
  /** Default: where real miners listen. HTTP on port 80 may need rights. */
  readonly ports?: Partial<Ports>;
  /** Kinds in turn, default all. */
  readonly kinds?: readonly Kind[];
  /** How many of each fault; the last miners have them. */
  readonly faults?: Partial<Record<Fault, number>>;
  /** Before every answer. */
  readonly delay_ms?: number;
  /** Where they mine, default a pool that does not exist. */
  readonly pool_url?: string;
  /** Payout address, in front of `.` and the miner's name; default the example of BIP 173, which is a valid one. */
  readonly wallet?: string;
  /** Of those that ask for one; default what they are sold with. */
  readonly login?: Login;
  readonly seed?: number;
  readonly now?: () => number;
  /** Places between two addresses, default 1: a network is seldom full. */
  readonly step?: number;
}

export interface FleetMiner {
  readonly kind: Kind;
  readonly name: string;
  readonly mac: string;
  readonly fault: Fault | undefined;
  readonly simulated: SimulatedMiner;
  address: string;
}

export const EXAMPLE_WALLET = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4';

/** How often restarts, falling counters and moves happen. */
const FAULT_EVERY_MS = 60_000;

export class Fleet {
  readonly miners: readonly FleetMiner[];
  readonly #listening = new Map<FleetMiner, Listening>();
  readonly #ports: Ports;
  readonly #behaviour: Behaviour;
  readonly #spare: string[];
  #timer: NodeJS.Timeout | undefined;

  private constructor(miners: readonly FleetMiner[], spare: string[], ports: Ports, behaviour: Behaviour) {
    this.miners = miners;
    this.#spare = spare;
    this.#ports = ports;
    this.#behaviour = behaviour;
  }

  static async start(options: FleetOptions): Promise<Fleet> {
    const { count, first = '127.20.0.1', kinds = KINDS, seed = 1, now = Date.now, step = 1 } = options;
    const random = seeded(seed);
    const faults = Object.entries(options.faults ?? {}).flatMap(([fault, many]) =>
      Array.from({ length: many ?? 0 }, () => fault as Fault),
    );
    if (faults.length > count) throw new Error(`${faults.length} faults are more than ${count} miners`);
    const start = addressToNumber(first);
    const miners = Array.from({ length: count }, (_, place): FleetMiner => {
      const kind = kinds[place % kinds.length] as Kind;
      const name = `${kind}-${String(place + 1).padStart(3, '0')}`;
      const mac = macOf(place);
      const fault = faults[place - (count - faults.length)];
      const simulated = new SimulatedMiner({
        model: MODELS[kind],
        name,
        mac,
        pool_url: options.pool_url ?? 'stratum+tcp://pool.invalid:3333',
        user: `${options.wallet ?? EXAMPLE_WALLET}.${name}`,
        now,
        random,
      });
      if (fault === 'counters-wrap') simulated.wrapAt(1_000);
      return { kind, name, mac, fault, simulated, address: numberToAddress(start + place * step) };
    });
    const spare = faults
      .filter((fault) => fault === 'moves')
      .map((_, place) => numberToAddress(start + (count + place) * step));
    const { delay_ms = 0, login } = options;
    const behaviour = { delay_ms, ...(login === undefined ? {} : { login }) };
    const fleet = new Fleet(miners, spare, { ...STANDARD_PORTS, ...options.ports }, behaviour);
    try {
      for (const miner of miners) await fleet.#listen(miner);
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    fleet.#timer = setInterval(() => void fleet.#disturb().catch(() => {}), FAULT_EVERY_MS).unref();
    return fleet;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#listening.values()].map((listening) => listening.stop()));
    this.#listening.clear();
  }

  /** It gets another address, as from a DHCP server; its MAC and its counters stay. */
  async move(miner: FleetMiner, address: string): Promise<void> {
    await this.switchOff(miner);
    miner.address = address;
    await this.#listen(miner);
  }

  async switchOff(miner: FleetMiner): Promise<void> {
    await this.#listening.get(miner)?.stop();
    this.#listening.delete(miner);
  }

  async switchOn(miner: FleetMiner): Promise<void> {
    await this.#listen(miner);
  }

  async #listen(miner: FleetMiner): Promise<void> {
    const behaviour: Behaviour = {
      ...this.#behaviour,
      ...(miner.fault === undefined ? {} : { fault: miner.fault }),
    };
    this.#listening.set(miner, await startServers(miner.simulated, miner.address, this.#ports, behaviour));
  }

  async #disturb(): Promise<void> {
    for (const miner of this.miners) {
      if (miner.fault === 'restarts') miner.simulated.restart();
      if (miner.fault === 'counters-fall') miner.simulated.resetCounters();
      const address = miner.fault === 'moves' ? this.#spare.shift() : undefined;
      if (address !== undefined) {
        this.#spare.push(miner.address);
        // Where somebody else has taken the address, it stays switched off.
        await this.move(miner, address);
      }
    }
  }
}

/** Locally administered, so never that of a real card. */
function macOf(place: number): string {
  const hex = (place + 1).toString(16).padStart(6, '0');
  return `02:ae:1e:${hex.replaceAll(/..(?=.)/g, '$&:')}`;
}
