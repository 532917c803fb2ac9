/** What the operator reads in the log about the fleet. */
import type { Log } from '../../common/runtime/log.js';
import { fieldsOf, type Trouble, troubleOf } from '../../common/runtime/troubles.js';
import type { ScanResult } from '../discovery/scan.js';
import type { MinerRow } from '../store/miners.js';
import type { StateChange } from './live-fleet.js';
import type { Registered } from './register.js';

/** So many names in one line; a switch that fails takes hundreds of devices with it. */
const NAMES_MAX = 10;

export class FleetReporter {
  readonly #log: Log;
  readonly #troubles = new Map<string, Trouble>();

  constructor(log: Log) {
    this.#log = log;
  }

  states(changes: readonly StateChange[]): void {
    const gone = changes.filter(({ to }) => to === 'offline');
    const back = changes.filter(({ from, to }) => to === 'online' && (from === 'offline' || from === 'stale'));
    if (gone.length > 0)
      this.#log.warn('miners offline', {
        miners: gone.length,
        names: namesOf(gone),
        reason: gone[0]?.error ?? 'no answer',
        code: 'AXL-MINER-OFFLINE',
        hint: 'look at their power and network; a device that has moved is looked for by its MAC',
      });
    if (back.length > 0) this.#log.info('miners online again', { miners: back.length, names: namesOf(back) });
  }

  lost(miner: MinerRow, reason: string): void {
    this.#log.info('miner looked for', { miner: miner.name, address: miner.ip_address, reason });
  }

  scanned(result: ScanResult, { added, moved, missed, doubles }: Registered): void {
    this.#log.info('scanned', {
      addresses: result.progress.addresses,
      found: result.found.length,
      added: added.length,
      moved: moved.length,
      missed,
      ...(doubles.length > 0 && { doubles: doubles.length }),
      ...(result.unknown.length > 0 && { not_understood: result.unknown.length }),
      ms: result.duration_ms,
    });
    if (doubles.length > 0)
      this.#log.info('addresses not added', {
        addresses: namesOf(doubles.map(({ address, mac = '' }) => ({ name: address, address: mac }))),
        reason: 'each has the MAC of another that was found, and is taken for the same device',
        hint: 'if they are devices of their own, give each a MAC of its own: their firmware says it twice',
      });
    for (const { row, from } of moved) this.#log.info('miner has moved', { miner: row.name, from, to: row.ip_address });
    for (const { address, reason } of result.unknown) this.#log.debug('not understood', { address, reason });
  }

  seenByPool(miner: MinerRow, pool: string, worker: string): void {
    this.#log.info('miner seen through its pool', { miner: miner.name, pool, worker });
  }

  readItself(miner: MinerRow): void {
    this.#log.info('miner no longer seen through its pool', {
      miner: miner.name,
      reason: 'a device in this network has its pool user, or does not say which one it has',
    });
  }

  noScan(reason: string): void {
    this.#log.warn('no scan', {
      reason,
      code: 'AXL-MINER-SCAN',
      hint: 'name the networks where miners are in miner.yaml, as networks: [192.168.1.0/24]',
    });
  }

  unwritten(miner: MinerRow, error: Error): void {
    this.#log.error('reading not written', {
      miner: miner.name,
      code: 'AXL-MINER-READING',
      reason: error.message,
      hint: 'the other devices are not affected; report it with this line',
    });
  }

  /** A step that failed for all; said once until it works again. */
  broken(step: string, error: unknown): void {
    const trouble = troubleOf(error);
    if (this.#troubles.get(step)?.reason === trouble.reason) return;
    this.#troubles.set(step, trouble);
    this.#log.error(`${step} failed`, fieldsOf(trouble));
  }

  works(step: string): void {
    const trouble = this.#troubles.get(step);
    if (trouble === undefined) return;
    this.#troubles.delete(step);
    this.#log.info(trouble.over, { step, code: trouble.code });
  }
}

function namesOf(changes: readonly Pick<StateChange, 'name' | 'address'>[]): string {
  const names = changes
    .slice(0, NAMES_MAX)
    .map(({ name, address }) => (address === '' ? name : `${name} (${address})`));
  const more = changes.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
