/** Reads one device, one request at a time, and finds out what it is where that is not known (any more). */
import { Agent } from 'node:http';
import type { Adapter } from '../adapters/adapter.js';
import { adapterOf, identify } from '../adapters/identify.js';
import { isKnown, type MinerReading } from '../adapters/reading.js';
import { interview, type PortName } from '../discovery/interview.js';
import { probe } from '../discovery/probe.js';
import type { Login, Ports } from '../readers/device.js';
import { DeviceSilentError, DeviceUnreachableError } from '../readers/errors.js';
import { type DeviceOptions, NetworkDevice } from '../readers/network-device.js';
import type { MinerRow } from '../store/miners.js';
import { watched } from './watched.js';

export interface ReaderSettings {
  readonly ports: Ports;
  readonly logins: readonly (Login & { readonly family: string })[];
}

export interface DeviceReaderOptions {
  readonly settings: () => ReaderSettings;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds, never set back. */
  readonly clock: () => number;
  /** Time limits, default those of `NetworkDevice`. */
  readonly limits?: Pick<DeviceOptions, 'connect_ms' | 'answer_ms' | 'total_ms'>;
}

export interface DeviceResult {
  readonly adapter: Adapter;
  readonly reading: MinerReading;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** After so many failures of a device that does answer, or strange answers, it may have become another one. */
const STRANGE = 3;
const STRANGE_AGAIN = 10;
const PROBE_MS = 1_250;
/** In this many readings, a web server that hangs beside a cgminer protocol that answers is asked once. */
const HUNG_EVERY = 10;

export class DeviceReader {
  readonly #options: DeviceReaderOptions;
  /**
   * Of the reading that is under way, anew for each: every connection listens to it, a kept one for as long as it is kept.
   */
  #stop = new AbortController();
  #isClosed = false;
  #row: MinerRow;
  #adapter: Adapter | undefined;
  #agent: Agent | undefined;
  #login = 0;
  #strange = 0;
  #doubts = 0;
  /** Readings in a row with a web server that hangs. */
  #hung = 0;
  #last: DeviceResult | undefined;
  #ended_ms = Number.NEGATIVE_INFINITY;
  #turn: Promise<unknown> = Promise.resolve();
  #reading: Promise<DeviceResult> | undefined;

  constructor(row: MinerRow, options: DeviceReaderOptions) {
    this.#row = row;
    this.#options = options;
    this.#adapter = row.adapter === null ? undefined : adapterOf(row.adapter);
  }

  /** As the store has it. */
  get row(): MinerRow {
    return this.#row;
  }

  /** Absent: not identified yet. */
  get adapter(): Adapter | undefined {
    return this.#adapter;
  }

  /** The store says something else of it, which does not change how it is asked. */
  renew(row: MinerRow): void {
    this.#row = row;
  }

  get isBusy(): boolean {
    return this.#reading !== undefined;
  }

  /** Whoever asks while it is being read gets that reading. Rejects with what the device failed with. */
  read(): Promise<DeviceResult> {
    this.#reading ??= this.alone(() => this.#ask()).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** As `read`, but the last reading where the device must not be asked again yet. */
  async readOrLast(): Promise<DeviceResult> {
    if (this.#last !== undefined && this.#spacing_left_ms() > 0) return this.#last;
    return this.read();
  }

  /** Nobody else asks the device meanwhile: two questions at once are too many for some. */
  alone<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(async () => {
      const wait_ms = this.#spacing_left_ms();
      if (wait_ms > 0) await pause(wait_ms, this.#stop.signal);
      try {
        return await task();
      } finally {
        this.#ended_ms = this.#options.clock();
      }
    });
    this.#turn = mine.catch(() => {});
    return mine;
  }

  /** It has just been read by somebody else, who found out what it is. */
  adopt(result: DeviceResult): void {
    this.#adapter = result.adapter;
    this.#last = result;
    this.#ended_ms = this.#options.clock();
  }

  /** Breaks off what it is being asked. */
  close(): void {
    this.#isClosed = true;
    this.#stop.abort(new Error('not asked any more'));
    this.#agent?.destroy();
  }

  #spacing_left_ms(): number {
    const spacing_ms = this.#adapter?.spacing_ms ?? 0;
    return spacing_ms === 0 ? 0 : this.#ended_ms + spacing_ms - this.#options.clock();
  }

  async #ask(): Promise<DeviceResult> {
    if (this.#isClosed) throw new Error('not asked any more');
    this.#stop = new AbortController();
    try {
      const isStrange = this.#strange % STRANGE_AGAIN === STRANGE || this.#doubts === STRANGE;
      const read = this.#adapter === undefined || isStrange ? await this.#identify() : await this.#read(this.#adapter);
      this.#last = { ...read, at: this.#options.now() };
      this.#strange = 0;
      return this.#last;
    } catch (error) {
      if (!(error instanceof DeviceSilentError)) this.#strange += 1;
      throw error;
    }
  }

  async #read(adapter: Adapter): Promise<Omit<DeviceResult, 'at'>> {
    const device = watched(this.#device(adapter), this.#hung % HUNG_EVERY !== 0);
    try {
      const replies = await adapter.read(device);
      this.#doubt(adapter, identify(replies));
      const reading = adapter.parse(replies);
      if (!saysAnything(reading)) throw new Error(`${this.row.ip_address} says nothing that ${adapter.key} says`);
      return { adapter, reading };
    } finally {
      if (device.isLoginRefused) this.#login += 1;
      this.#hung = device.isWebHung ? this.#hung + 1 : 0;
    }
  }

  /** Other firmware may have been put on it. Asked once, it is what the interview says, whatever its answers look like. */
  #doubt(adapter: Adapter, found: Adapter | undefined): void {
    if (found === adapter) this.#doubts = 0;
    else if (found !== undefined && found.key !== 'cgminer') this.#doubts += 1;
  }

  /** Which ports it has open, and what it says of itself there. */
  async #identify(): Promise<Omit<DeviceResult, 'at'>> {
    const { ip_address } = this.row;
    this.#doubts += 1;
    const { open, answers } = await probe(ip_address, this.#ports(this.#adapter), PROBE_MS, this.#stop.signal);
    if (open.length === 0)
      throw answers
        ? new DeviceUnreachableError(`${ip_address} has none of a miner's ports open`)
        : new DeviceSilentError(`${ip_address} does not answer`);
    const device = watched(this.#device(this.#adapter));
    const found = await interview(device, open);
    if (device.isLoginRefused) this.#login += 1;
    if (found === undefined || !saysAnything(found.reading))
      throw new Error(`${ip_address} says nothing that a miner says`);
    // Every family of theirs is at least a cgminer: an answer that was lost must not make it one that is nothing more.
    if (found.adapter.key === 'cgminer' && this.#adapter !== undefined && this.#adapter !== found.adapter)
      throw new Error(`${ip_address} does not say any more that it is ${this.#adapter.key}`);
    this.#adapter = found.adapter;
    return found;
  }

  #device(adapter: Adapter | undefined): NetworkDevice {
    const login = this.#loginFor(adapter);
    if (adapter?.spacing_ms !== undefined) this.#agent ??= new Agent({ keepAlive: true, maxSockets: 1 });
    return new NetworkDevice(this.row.ip_address, {
      ...this.#options.limits,
      ports: this.#ports(adapter),
      signal: this.#stop.signal,
      ...(login === undefined ? {} : { login }),
      ...(this.#agent === undefined ? {} : { agent: this.#agent }),
    });
  }

  /** Its own login, or those for its family in turn, and at last what the family is sold with. */
  #loginFor(adapter: Adapter | undefined): Login | undefined {
    if (this.row.login !== null) return JSON.parse(this.row.login) as Login;
    const logins = this.#options.settings().logins.filter(({ family }) => family === adapter?.family);
    const chosen = logins[this.#login % (logins.length + 1)];
    return chosen === undefined ? undefined : { user: chosen.user, password: chosen.password };
  }

  #ports(adapter: Adapter | undefined): Ports {
    const { ports } = this.#options.settings();
    const { api_port } = this.row;
    if (api_port === null) return ports;
    return { ...ports, [adapter === undefined ? guessOf(api_port, ports) : mainPortOf(adapter)]: api_port };
  }
}

/** Which of its ports the one that a person knows it by is. */
export function mainPortOf(adapter: Adapter): PortName {
  if (adapter.key === 'whatsminer3') return 'whatsminer';
  return adapter.family === 'axeos' || adapter.family === 'nerdminer' ? 'http' : 'rpc';
}

function guessOf(port: number, ports: Ports): PortName {
  if (port === ports.whatsminer || port === 4_433) return 'whatsminer';
  return port === ports.http || port === 80 || port === 8_080 ? 'http' : 'rpc';
}

function saysAnything(reading: MinerReading): boolean {
  return (
    reading.pools.length > 0 ||
    reading.boards.length > 0 ||
    isKnown(reading, 'family', 'make', 'pools', 'fans', 'boards')
  );
}

/** Timer that a stopping agent does not wait for. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve();
    }, ms);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
