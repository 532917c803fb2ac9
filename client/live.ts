/**
 * The balance as it changes elsewhere, from the sidecar's events. One tab holds the stream and tells the others: a browser
 * keeps few connections to one host.
 */
import { backoff_ms } from './backoff.js';
import { untilOurs } from './locks.js';
import type { BalanceEvent, SidecarServer } from './sidecar-server.js';
import type { Box } from './storage.js';

/** The place where the stream goes on, for whichever tab holds it next. */
const EVENTS_KEY = 'axle_events:';

/** Resolves when aborted. `onTrouble`: there is no stream at this moment; somebody may want to read instead. */
export async function followBalance(
  server: SidecarServer,
  user: string,
  box: Box,
  onEvent: (event: BalanceEvent) => void,
  onTrouble: () => void,
  signal: AbortSignal,
): Promise<void> {
  await untilOurs(`axle-events:${user}`, signal, async () => {
    let failures = 0;
    while (!signal.aborted) {
      const hear = (event: BalanceEvent): void => {
        failures = 0;
        if (event.id !== undefined) box.set(EVENTS_KEY + user, event.id);
        onEvent(event);
      };
      try {
        await server.follow(user, box.get(EVENTS_KEY + user) ?? undefined, hear, signal);
        failures = 0;
      } catch {
        failures += 1;
        if (!signal.aborted) onTrouble();
      }
      await pause(signal, backoff_ms(Math.max(1, failures), Math.random()));
    }
  });
}

/** Ends early when the network is back. */
function pause(signal: AbortSignal, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      removeEventListener('online', over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener('abort', over);
    addEventListener('online', over);
  });
}
