/** Asks every device in every round. One that hangs costs nobody else: it is waited for beside the rounds. */
import { Gate } from '../discovery/gate.js';
import { neighbours } from '../discovery/neighbours.js';
import type { FoundMiner } from '../discovery/scan.js';
import type { Latest } from '../fleet/fleet.js';
import { isSeenByPool, type MinerRow } from '../store/miners.js';
import type { FleetStore } from '../store/store.js';
import { DeviceReader, type DeviceReaderOptions, type DeviceResult, type ReaderSettings } from './device-reader.js';
import type { Entry, Written } from './ledger.js';
import type { MinerReader, OtherReader } from './reader.js';
import { spreadOver, waitAfter } from './schedule.js';

export interface PollerOptions {
  readonly store: FleetStore;
  /** Read anew in every round. */
  readonly settings: () => ReaderSettings & { readonly poll_interval_s: number };
  /** Writes a batch of readings; throws nothing. Undefined: nothing was written. */
  readonly write: (entries: readonly Entry[]) => Written | undefined;
  /** A device with a MAC has not answered in this round, the third in a row, or another one answers in its place. */
  readonly onLost: (miner: MinerRow, why: string) => void;
  /** Reads those that have no address. */
  readonly others?: OtherReader;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds, never set back. Default: since the process began. */
  readonly clock?: () => number;
  readonly random?: () => number;
  /** The kernel's neighbours: MACs of devices that do not say theirs. */
  readonly neighbours?: () => Promise<ReadonlyMap<string, string>>;
  readonly limits?: DeviceReaderOptions['limits'];
  /** Devices asked at once, default 128. */
  readonly at_once?: number;
  /** A round waits so long for one device, default 1,000, or twice as long as it took the last time. */
  readonly patience_ms?: number;
}

export interface Round {
  readonly asked: number;
  /** Of these, read when it ended … */
  readonly good: number;
  /** … and still being asked: they hang, or are slow. Each has its own time limit, and tells by itself how it ended. */
  readonly late: number;
  readonly duration_ms: number;
}

interface Device {
  readonly reader: DeviceReader;
  failures: number;
  error: string | undefined;
  result: DeviceResult | undefined;
  /** MAC of another one that answers in its place: it is that one until it says otherwise. */
  other?: string;
  /** By the clock, of `result`. */
  read_ms: number | undefined;
  /** From the question to `result`. */
  took_ms: number;
  /** By the clock. */
  due_ms: number;
}

/** Good readings are written together, at the latest after this time. */
const GATHER_MS = 1_000;
const GATHER_MAX = 512;
/** In a row, before a device is looked for elsewhere. */
const LOST_FAILURES = 3;

export class Poller implements MinerReader {
  readonly #options: PollerOptions;
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #devices = new Map<number, Device>();
  /** Resolve what waits for its turn in a round. */
  readonly #waiting = new Set<() => void>();
  #isStopped = false;
  /** Those that failed wait for each other only. */
  readonly #gates: { readonly good: Gate; readonly failing: Gate };
  readonly #running = new Set<Promise<unknown>>();
  #gathered: Entry[] = [];
  #gathering: NodeJS.Timeout | undefined;
  #telling: NodeJS.Timeout | undefined;
  #next: NodeJS.Timeout | undefined;
  #macs: ReadonlyMap<string, string> = new Map();
  #round: Round | undefined;
  #begun_ms: number;
  #answered_ms = Number.NEGATIVE_INFINITY;
  readonly #listeners = new Set<() => void>();

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
    const gate = (at_once: number) => new Gate({ start: at_once, min: at_once, max: at_once, now: this.#clock });
    const { at_once = 128 } = options;
    this.#gates = { good: gate(at_once), failing: gate(at_once) };
    this.#begun_ms = this.#clock();
    for (const row of options.store.miners.list({ enabled_only: true })) if (!isSeenByPool(row)) this.#know(row);
  }

  /** Rounds from now on, the first one at once. */
  start(): void {
    if (this.#isStopped) return;
    const interval_ms = this.#options.settings().poll_interval_s * 1_000;
    this.#next = setTimeout(() => this.start(), interval_ms);
    this.#track(this.round());
  }

  /** Breaks off what is being asked, and writes what was answered. */
  async stop(): Promise<void> {
    clearTimeout(this.#next);
    clearTimeout(this.#telling);
    this.#isStopped = true;
    for (const { reader } of this.#devices.values()) reader.close();
    for (const go of this.#waiting) go();
    await Promise.all(this.#running);
    this.#write();
  }

  get lastRound(): Round | undefined {
    return this.#round;
  }

  /** Rounds begin as they should. */
  get isProgressing(): boolean {
    return this.#clock() - this.#begun_ms < 2 * this.#options.settings().poll_interval_s * 1_000 + 30_000;
  }

  /** One round: all devices whose turn it is. Resolves when each has answered, failed or is late, and all is written. */
  async round(): Promise<Round> {
    const began_ms = this.#clock();
    this.#begun_ms = began_ms;
    const interval_ms = this.#options.settings().poll_interval_s * 1_000;
    this.#macs = await (this.#options.neighbours ?? neighbours)();
    // Half an interval early is on time: rounds begin a little earlier and later.
    const due = [...this.#devices.values()].filter(
      ({ reader, due_ms }) => !reader.isBusy && due_ms <= began_ms + interval_ms / 2,
    );
    // Who takes the longest goes first, by whole seconds.
    const seconds = ({ took_ms }: Device) => Math.floor(took_ms / 1_000);
    due.sort((one, other) => other.failures - one.failures || seconds(other) - seconds(one));
    const spread_ms = spreadOver(interval_ms);
    await Promise.all(
      due.map(async (device, place) => {
        await this.#pause((spread_ms * (place + this.#random())) / due.length);
        return this.#poll(device);
      }),
    );
    this.#write();
    const good = due.filter(({ read_ms }) => read_ms !== undefined && read_ms >= began_ms).length;
    const late = due.filter(({ reader }) => reader.isBusy).length;
    this.#round = { asked: due.length, good, late, duration_ms: Math.round(this.#clock() - began_ms) };
    this.#tell();
    return this.#round;
  }

  latest(miner_id: number): Latest | undefined {
    const device = this.#devices.get(miner_id);
    if (device === undefined) return this.#options.others?.latest(miner_id);
    const { result, error, failures } = device;
    return {
      ...(result === undefined ? {} : { reading: result.reading, at: result.at }),
      ...(error === undefined ? {} : { error }),
      failures,
    };
  }

  /** Of the last good reading; absent where there is none since the start. */
  age_ms(miner_id: number): number | undefined {
    const device = this.#devices.get(miner_id);
    if (device === undefined) return this.#options.others?.age_ms(miner_id);
    return device.read_ms === undefined ? undefined : this.#clock() - device.read_ms;
  }

  async readNow(miner_id: number): Promise<Pick<DeviceResult, 'reading' | 'at'>> {
    const device = this.#devices.get(miner_id);
    const other = device === undefined ? this.#options.others?.last(miner_id) : undefined;
    if (other !== undefined) return other;
    if (device === undefined) throw new Error(`miner ${miner_id} is not known, or not enabled`);
    let result: DeviceResult;
    try {
      result = await device.reader.readOrLast();
    } catch (error) {
      this.#bad(device, error as Error);
      throw error;
    }
    if (!this.#good(device, result)) throw new Error(device.error);
    this.#write();
    this.#tell();
    return result;
  }

  changed(miner_id: number): void {
    this.#renew([miner_id]);
    const device = this.#devices.get(miner_id);
    if (device !== undefined && !this.#isStopped) this.#track(this.#poll(device).then(() => this.#tellSoon()));
    this.#tell();
  }

  /** A scan found it, and has read it. */
  adopt(miner_id: number, found: FoundMiner): void {
    this.#renew([miner_id]);
    const device = this.#devices.get(miner_id);
    if (device === undefined) return;
    const result = { adapter: found.adapter, reading: found.reading, at: this.#options.now() };
    device.reader.adopt(result);
    this.#good(device, result);
  }

  /** Nobody else asks the devices at this address meanwhile. */
  alone<T>(address: string, task: () => Promise<T>): Promise<T> {
    let guarded = task;
    for (const { reader } of this.#devices.values()) {
      if (reader.row.ip_address !== address) continue;
      const inner = guarded;
      guarded = () => reader.alone(inner);
    }
    return guarded();
  }

  /** What is gathered is written now. */
  flush(): void {
    this.#write();
  }

  follow(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when it has answered or failed, or is late: then it goes on beside, and takes nobody's place. */
  async #poll(device: Device): Promise<void> {
    const gate = device.failures > 0 ? this.#gates.failing : this.#gates.good;
    await gate.run(async () => {
      let isLate = false;
      const asking = this.#ask(device).then(() => {
        if (isLate) this.#tellSoon();
      });
      this.#track(asking);
      await Promise.race([asking, this.#patience(device)]);
      isLate = true;
    });
  }

  /** One that does not fail is waited for while others answer: this machine may be what is slow. */
  async #patience(device: Device): Promise<void> {
    const { patience_ms = 1_000 } = this.#options;
    let wait_ms = Math.max(patience_ms, 2 * device.took_ms);
    while (wait_ms >= 1 && device.reader.isBusy && !this.#isStopped) {
      await this.#pause(wait_ms);
      wait_ms = device.failures > 0 ? 0 : this.#answered_ms + patience_ms - this.#clock();
    }
  }

  async #ask(device: Device): Promise<void> {
    if (this.#isStopped) return;
    const started_ms = this.#clock();
    try {
      const result = await device.reader.read();
      this.#answered_ms = this.#clock();
      if (this.#good(device, result)) device.took_ms = this.#answered_ms - started_ms;
    } catch (error) {
      this.#bad(device, error as Error);
    } finally {
      const interval_ms = this.#options.settings().poll_interval_s * 1_000;
      device.due_ms = started_ms + waitAfter(device.failures, interval_ms, this.#random);
    }
  }

  /** False where it is another device that answers there: what that one has mined is not this one's. */
  #good(device: Device, result: DeviceResult): boolean {
    if (device.result === result) return true;
    const { row } = device.reader;
    const mac = result.reading.mac ?? this.#neighbour(row);
    const last = mac ?? device.other;
    if (row.mac_address !== null && last !== undefined && last !== row.mac_address) {
      device.other = last;
      const error = `another device (${last}) answers at ${row.ip_address}`;
      if (device.error !== error) this.#options.onLost(row, error);
      device.failures += 1;
      device.error = error;
      return false;
    }
    delete device.other;
    Object.assign(device, { result, read_ms: this.#clock(), failures: 0, error: undefined });
    this.#gather({ ...result, row, ...(mac === undefined ? {} : { mac }) });
    return true;
  }

  /** Of several devices behind one address it is what stands before them. */
  #neighbour({ id, ip_address }: MinerRow): string | undefined {
    const mac = this.#macs.get(ip_address);
    if (mac === undefined) return undefined;
    const isShared = [...this.#devices.values()].some(
      ({ reader: { row } }) => row.ip_address === ip_address && row.id !== id,
    );
    return isShared ? undefined : mac;
  }

  #bad(device: Device, error: Error): void {
    if (this.#isStopped) return;
    device.failures += 1;
    device.error = error.message;
    if (device.failures === LOST_FAILURES && device.reader.row.mac_address !== null)
      this.#options.onLost(device.reader.row, error.message);
  }

  #gather(entry: Entry): void {
    this.#gathered.push(entry);
    if (this.#gathered.length >= GATHER_MAX) this.#write();
    else this.#gathering ??= setTimeout(() => this.#write(), GATHER_MS);
  }

  #write(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    if (this.#gathered.length === 0) return;
    const entries = this.#gathered;
    this.#gathered = [];
    const written = this.#options.write(entries);
    if (written === undefined || written.changed.length === 0) return;
    this.#renew(written.changed);
    this.#tell();
  }

  /** As the store has them now. */
  #renew(ids: readonly number[]): void {
    for (const id of ids) {
      const row = this.#options.store.miners.get(id);
      const before = this.#devices.get(id);
      if (row === undefined || row.enabled === 0 || isSeenByPool(row)) {
        before?.reader.close();
        this.#devices.delete(id);
      } else if (before === undefined) this.#know(row);
      else if (isAskedOtherwise(before.reader, row)) {
        before.reader.close();
        this.#know(row, before);
      } else before.reader.renew(row);
    }
  }

  #know(row: MinerRow, before?: Device): void {
    const { settings, now, limits } = this.#options;
    const reader = new DeviceReader(row, {
      settings,
      now,
      clock: this.#clock,
      ...(limits === undefined ? {} : { limits }),
    });
    const { result, read_ms } = before ?? {};
    const due_ms = this.#clock();
    this.#devices.set(row.id, { reader, failures: 0, error: undefined, result, read_ms, took_ms: 0, due_ms });
  }

  #track(work: Promise<unknown>): void {
    const tracked = work.catch(() => {}).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** Once for what happens at about the same time. */
  #tellSoon(): void {
    if (!this.#isStopped) this.#telling ??= setTimeout(() => this.#tell(), 100);
  }

  #tell(): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    for (const listener of this.#listeners) listener();
  }

  /** Until the time has passed, or all stops. */
  #pause(ms: number): Promise<void> {
    if (ms < 1 || this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, ms);
      this.#waiting.add(go);
    });
  }
}

function isAskedOtherwise({ row, adapter }: DeviceReader, now: MinerRow): boolean {
  return (
    row.ip_address !== now.ip_address ||
    row.api_port !== now.api_port ||
    row.login !== now.login ||
    (adapter?.key ?? null) !== now.adapter
  );
}
