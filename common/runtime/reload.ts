/** What of a config can change while a daemon runs with it, and what has to wait for its next start. */
import { ConfigError } from './config.js';
import { type Address, formatAddress } from './config-problems.js';
import type { Log } from './log.js';

/** Each is read anew with every use, or handed on by whoever reloads. The rest is built into what runs. */
const LIVE: ReadonlySet<string> = new Set([
  'log_level',
  'guards.zero',
  'guards.burst_documents',
  'guards.burst_percent',
  'guards.window_s',
  'sidecar.sources',
  'sidecar.guests.total',
  'sidecar.guests.window_s',
  'sidecar.profile_fields',
  'sidecar.limits.amount_max',
  'sidecar.limits.event_streams',
  'sidecar.limits.user_per_minute',
  'sidecar.limits.service_per_minute',
]);

export type Reload = {
  /** Addresses that have changed, and hold now. */
  readonly taken: readonly string[];
  /** Addresses that have changed, and hold from the next start on. */
  readonly waiting: readonly string[];
};

/**
 * Writes what may change at once (`live`, default that of a site) from `next` into `running`, in place. Both are configs as
 * they come from the loader.
 */
export function takeLive(running: object, next: object, live: ReadonlySet<string> = LIVE): Reload {
  const taken: string[] = [];
  const waiting: string[] = [];
  const visit = (here: unknown, there: unknown, address: Address, set: (value: unknown) => void): void => {
    const name = formatAddress(address);
    if (JSON.stringify(here) === JSON.stringify(there)) return;
    if (live.has(name)) {
      set(there);
      taken.push(name);
    } else if (isGroup(here) && isGroup(there)) {
      for (const key of new Set([...Object.keys(here), ...Object.keys(there)]))
        visit(here[key], there[key], [...address, key], (value) => {
          here[key] = value;
        });
    } else waiting.push(name);
  };
  visit(running, next, [], () => {});
  return { taken: taken.toSorted(), waiting: waiting.toSorted() };
}

/**
 * A reload as SIGHUP asks for it. All or nothing: where the file has mistakes, each is logged and nothing changes. Returns
 * what the status line is to say of it, and calls `onTaken` where something holds now that did not before.
 */
export function reloadConfig<C extends object>(
  running: C,
  load: () => C,
  log: Log,
  onTaken: () => void,
  live: ReadonlySet<string> = LIVE,
): string | undefined {
  let next: C;
  try {
    next = load();
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems : [(error as Error).message];
    for (const problem of problems) log.error('config mistake', { code: 'AXL-CONFIG', reason: problem });
    const hint = 'the one from before goes on; repair it (axle check-config) and reload again';
    log.error('config refused', { mistakes: problems.length, code: 'AXL-CONFIG', hint });
    return 'config refused, the one from before goes on';
  }
  const { taken, waiting } = takeLive(running, next, live);
  if (taken.length > 0) onTaken();
  log.info('config reloaded', { changed: taken.join(', ') || 'nothing' });
  if (waiting.length === 0) return undefined;
  log.warn('config needs a restart', {
    keys: waiting.join(', '),
    code: 'AXL-RESTART',
    hint: 'these cannot change while it runs: they hold from its next start on',
  });
  return `restart for ${waiting.join(', ')}`;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
