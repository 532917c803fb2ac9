/** The fleet in work: devices are looked for, asked, and what they say grows old in the store. */
import { networkInterfaces } from 'node:os';
import { limitsOf, type MinerConfig } from '../config/config.js';
import { type ScanOptions, type ScanResult, scan } from '../discovery/scan.js';
import { ScanJobs } from '../discovery/scan-jobs.js';
import { type Entry, Ledger, type ShareBooks, type Written } from '../polling/ledger.js';
import { Poller, type PollerOptions } from '../polling/poller.js';
import { PoolWatch } from '../pools/pool-watch.js';
import { poolsOf } from '../shares/money.js';
import { isSeenByPool, type MinerRow } from '../store/miners.js';
import type { FleetStore } from '../store/store.js';
import { LiveFleet } from './live-fleet.js';
import { freeName, register } from './register.js';
import type { FleetReporter } from './reporter.js';

export interface KeeperOptions {
  readonly store: FleetStore;
  /** Read anew with every use. */
  readonly config: MinerConfig;
  readonly money?: ShareBooks;
  readonly reporter: FleetReporter;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** For tests. */
  readonly scan?: (options: ScanOptions) => Promise<ScanResult>;
  readonly polling?: Pick<PollerOptions, 'clock' | 'random' | 'limits' | 'neighbours' | 'patience_ms'>;
}

/** Devices that are lost together are looked for together, and not more often than this. */
const SEARCH_EVERY_MS = 60_000;
/** From one step of ageing to the next, where there is more to do and where there is not. */
const AGEING_BUSY_MS = 50;
const AGEING_IDLE_MS = 10_000;

export class Keeper {
  readonly poller: Poller;
  readonly scans: ScanJobs;
  readonly fleet: LiveFleet;
  readonly pools: PoolWatch;
  readonly #options: KeeperOptions;
  readonly #ledger: Ledger;
  #scanning: NodeJS.Timeout | undefined;
  #ageing: NodeJS.Timeout | undefined;
  #searched_ms = Number.NEGATIVE_INFINITY;
  #searching: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: KeeperOptions) {
    const { store, config, reporter, now } = options;
    this.#options = options;
    this.pools = new PoolWatch({
      store,
      config: config.pool_miners,
      pools: poolsOf(config.pools),
      flush: () => this.poller.flush(),
      write: (entries) => this.#write(entries),
      freeName: () => freeName('NerdMiner', new Set(store.miners.list().map(({ name }) => name))),
      onFound: (miner, pool, worker) => reporter.seenByPool(miner, pool, worker),
      onClaimed: (miner) => reporter.readItself(miner),
      now,
    });
    this.#ledger = new Ledger(store, options.money, (pools) => this.pools.claim(pools));
    this.poller = new Poller({
      ...options.polling,
      store,
      now,
      settings: () => config,
      write: (entries) => this.#write(entries),
      others: this.pools,
      onLost: (miner, why) => this.#search(miner, why),
    });
    this.fleet = new LiveFleet({
      store,
      poller: this.poller,
      pools: this.pools,
      now,
      settings: () => ({ ...limitsOf(config), poll_interval_s: config.poll_interval_s }),
      onStates: (changes) => reporter.states(changes),
    });
    this.scans = new ScanJobs({
      scan: options.scan ?? scan,
      interfaces: networkInterfaces,
      now,
      options: () => ({
        ports: config.ports,
        known_addresses: store.miners
          .list()
          .filter((row) => !isSeenByPool(row))
          .map(({ ip_address }) => ip_address),
        alone: (address, task) => this.poller.alone(address, task),
      }),
      onResult: (result) => this.#found(result),
    });
  }

  start(): void {
    this.poller.start();
    this.pools.start(() => this.fleet.look());
    this.#scanSoon(0);
    this.#age();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const timer of [this.#scanning, this.#ageing, this.#searching]) clearTimeout(timer);
    await Promise.all([this.scans.stop(), this.pools.stop(), this.poller.stop()]);
  }

  /** A miner was added, changed or removed by a person. */
  changed(miner_id: number): void {
    this.#ledger.forget(miner_id);
    this.poller.changed(miner_id);
  }

  /** The interval of scans may have changed. */
  reconfigured(): void {
    const { scan_interval_s } = this.#options.config;
    clearTimeout(this.#scanning);
    if (scan_interval_s > 0) this.#scanSoon(scan_interval_s * 1_000);
    this.fleet.look();
  }

  #scanSoon(wait_ms: number): void {
    this.#scanning = setTimeout(() => {
      const { scan_interval_s } = this.#options.config;
      if (scan_interval_s === 0) return;
      this.#scanSoon(scan_interval_s * 1_000);
      this.#scan();
    }, wait_ms).unref();
  }

  #scan(): void {
    try {
      this.scans.start(this.#options.config.networks);
    } catch (error) {
      this.#options.reporter.noScan((error as Error).message);
    }
  }

  /** By its MAC, in all networks: once for this loss, together with others that were lost meanwhile. */
  #search(miner: MinerRow, why: string): void {
    this.#options.reporter.lost(miner, why);
    if (this.#searching !== undefined || this.#isStopped) return;
    const wait_ms = Math.max(0, this.#searched_ms + SEARCH_EVERY_MS - performance.now());
    this.#searching = setTimeout(() => {
      this.#searching = undefined;
      this.#searched_ms = performance.now();
      this.#scan();
    }, wait_ms).unref();
  }

  #found(result: ScanResult): void {
    const { store, config, reporter, now } = this.#options;
    const registered = register(store, result, config.ports, now());
    for (const { row, found } of registered.added) this.poller.adopt(row.id, found);
    this.poller.flush();
    for (const id of registered.changed) this.poller.changed(id);
    reporter.scanned(result, registered);
    this.fleet.look();
  }

  #write(entries: readonly Entry[]): Written | undefined {
    const { reporter } = this.#options;
    try {
      const written = this.#ledger.write(entries);
      for (const { row, error } of written.failed) reporter.unwritten(row, error);
      reporter.works('store');
      return written;
    } catch (error) {
      // Nothing is lost but these lines of the charts: counters are counted from where they were.
      reporter.broken('store', error);
      return undefined;
    }
  }

  #age(): void {
    const { store, config, reporter, now } = this.#options;
    let isBusy = false;
    try {
      isBusy = store.ageing.step(Math.floor(now() / 1_000), config.retention);
      reporter.works('ageing');
    } catch (error) {
      reporter.broken('ageing', error);
    }
    this.#ageing = setTimeout(() => this.#age(), isBusy ? AGEING_BUSY_MS : AGEING_IDLE_MS).unref();
  }
}
