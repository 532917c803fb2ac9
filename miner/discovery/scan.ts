/**
 * Looks at every address of some networks: a TCP connection to each port that miners have, and an interview where one is
 * taken. An address that stays silent is looked at again, slower, where the first look may have missed it.
 */
import { setMaxListeners } from 'node:events';
import type { MinerReading } from '../adapters/reading.js';
import { type Ports, STANDARD_PORTS } from '../readers/device.js';
import { type DeviceOptions, NetworkDevice } from '../readers/network-device.js';
import { addressesOf } from './addresses.js';
import { Gate } from './gate.js';
import { type Interviewed, interview, type PortName } from './interview.js';
import { neighbours } from './neighbours.js';
import { type Probe, probe } from './probe.js';

export interface ScanOptions {
  /** "192.168.1.0/24", or single addresses. */
  readonly networks: readonly string[];
  readonly ports?: Partial<Ports>;
  /** Where known devices were last: looked at again before they are missed, also outside of the networks. */
  readonly known_addresses?: readonly string[];
  /** Addresses at once, at most, default 256: three connections each. */
  readonly probes_max?: number;
  /** Interviews at once, default 128: a device is asked one thing at a time, so they disturb nobody but each other. */
  readonly interviews_max?: number;
  /**
   * For a connection, default 1,250: the kernel sends the first packet again after one second, so that one lost packet
   * misses no device.
   */
  readonly probe_ms?: number;
  /** Of the interviews; default 3,000 for an answer and 8,000 for all. */
  readonly device?: DeviceOptions;
  /** Runs an interview while nobody else asks the device: some must never be asked two things at once. */
  readonly alone?: <T>(address: string, task: () => Promise<T>) => Promise<T>;
  /** For tests: how an address is looked at. */
  readonly probe?: typeof probe;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ScanProgress) => void;
  readonly onFound?: (found: FoundMiner) => void;
}

export interface ScanProgress {
  readonly addresses: number;
  readonly probed: number;
  /** Somebody is there, miner or not. */
  readonly answering: number;
  readonly interviewed: number;
  readonly found: number;
}

export interface FoundMiner extends Interviewed {
  readonly address: string;
  readonly open: readonly PortName[];
  /** As it says itself, or as the kernel knows its neighbour. */
  readonly mac?: string;
  readonly reading: MinerReading;
}

/** Has an open port, and was not understood. */
export interface Unknown {
  readonly address: string;
  readonly open: readonly PortName[];
  readonly reason: string;
}

export interface ScanResult {
  readonly found: readonly FoundMiner[];
  readonly unknown: readonly Unknown[];
  readonly progress: ScanProgress;
  readonly duration_ms: number;
}

/** The second look: as long as it takes for two packets that were lost. */
const SECOND_LOOK_MS = 3_500;
/** A connection that took so long needed its packet sent twice. */
const PACKET_LOST_MS = 900;
/** How often an address is tried that this machine was too busy to ask. */
const TRIES_MAX = 10;

/** Throws `AddressError` for networks that are none; rejects with the signal's reason when it is stopped. */
export async function scan(options: ScanOptions): Promise<ScanResult> {
  // Every connection of a scan listens to it.
  if (options.signal !== undefined) setMaxListeners(0, options.signal);
  const addresses = [...new Set([...addressesOf(options.networks), ...(options.known_addresses ?? [])])];
  return new Scan(options, addresses).run();
}

class Scan {
  readonly #options: ScanOptions;
  readonly #addresses: readonly string[];
  readonly #ports: Ports;
  readonly #probes: Gate;
  readonly #interviews: Gate;
  readonly #found: FoundMiner[] = [];
  readonly #unknown: Unknown[] = [];
  readonly #interviewing: Promise<void>[] = [];
  readonly #silent: string[] = [];
  #isLossy = false;
  #isSecondLook = false;
  #probed = 0;
  #answering = 0;
  #interviewed = 0;

  constructor(options: ScanOptions, addresses: readonly string[]) {
    const now = () => performance.now();
    const { probes_max = 256, interviews_max = 128 } = options;
    this.#options = options;
    this.#addresses = addresses;
    this.#ports = { ...STANDARD_PORTS, ...options.ports };
    this.#probes = new Gate({ start: 64, min: 4, max: probes_max, now });
    this.#interviews = new Gate({ start: interviews_max, min: 4, max: interviews_max, now });
  }

  async run(): Promise<ScanResult> {
    const started = performance.now();
    await Promise.all(this.#addresses.map((address) => this.#look(address, this.#options.probe_ms ?? 1_250, 1)));
    await this.#lookAgain();
    await Promise.all(this.#interviewing);
    this.#options.signal?.throwIfAborted();
    const macs = await neighbours();
    return {
      found: this.#found.map((miner) => withMac(miner, macs)),
      unknown: this.#unknown,
      progress: this.#progress(),
      duration_ms: Math.round(performance.now() - started),
    };
  }

  /** Known devices always, and all that was silent where the network lost packets. */
  async #lookAgain(): Promise<void> {
    const known = new Set(this.#options.known_addresses);
    const again = this.#silent.filter((address) => this.#isLossy || known.has(address));
    this.#silent.length = 0;
    this.#isSecondLook = true;
    await Promise.all(again.map((address) => this.#look(address, SECOND_LOOK_MS, 1)));
  }

  async #look(address: string, limit_ms: number, attempt: number): Promise<void> {
    const seen = await this.#probes.run(async () => {
      this.#options.signal?.throwIfAborted();
      return (this.#options.probe ?? probe)(address, this.#ports, limit_ms, this.#options.signal);
    });
    if (seen.troubled && seen.open.length === 0 && attempt < TRIES_MAX) {
      this.#probes.hadTrouble();
      return this.#look(address, limit_ms, attempt + 1);
    }
    this.#note(address, seen);
  }

  #note(address: string, seen: Probe): void {
    if (!this.#isSecondLook) this.#probed += 1;
    if (seen.slowest_ms >= PACKET_LOST_MS) {
      this.#isLossy = true;
      this.#probes.hadTrouble();
    } else {
      this.#probes.wentWell();
    }
    if (seen.answers) this.#answering += 1;
    else this.#silent.push(address);
    if (seen.open.length > 0) this.#interviewing.push(this.#interview(address, seen.open));
    this.#report();
  }

  async #interview(address: string, open: readonly PortName[]): Promise<void> {
    await this.#interviews.run(async () => {
      if (this.#options.signal?.aborted) return;
      const { signal, alone = (_: string, task: () => Promise<Interviewed | undefined>) => task() } = this.#options;
      const ask = () => {
        const device = new NetworkDevice(address, {
          answer_ms: 3_000,
          total_ms: 8_000,
          ...this.#options.device,
          ports: this.#ports,
          ...(signal === undefined ? {} : { signal }),
        });
        return interview(device, open);
      };
      try {
        const interviewed = await alone(address, ask);
        if (interviewed === undefined) this.#unknown.push({ address, open, reason: 'says nothing that a miner says' });
        else this.#add({ ...interviewed, address, open, ...macOf(interviewed.reading) });
      } catch (error) {
        this.#unknown.push({ address, open, reason: (error as Error).message });
      }
    });
    this.#interviewed += 1;
    this.#report();
  }

  #add(miner: FoundMiner): void {
    this.#found.push(miner);
    this.#options.onFound?.(miner);
  }

  #report(): void {
    this.#options.onProgress?.(this.#progress());
  }

  #progress(): ScanProgress {
    return {
      addresses: this.#addresses.length,
      probed: this.#probed,
      answering: this.#answering,
      interviewed: this.#interviewed,
      found: this.#found.length,
    };
  }
}

function macOf(reading: MinerReading): { readonly mac?: string } {
  return reading.mac === undefined ? {} : { mac: reading.mac };
}

function withMac(miner: FoundMiner, macs: ReadonlyMap<string, string>): FoundMiner {
  const mac = miner.mac ?? macs.get(miner.address);
  return mac === undefined ? miner : { ...miner, mac };
}
