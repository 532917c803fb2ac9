/** A site as a service that systemd runs, with what stands beside it in the same process. */
import type { HubConfig } from '../runtime/config.js';
import type { Running } from '../runtime/service.js';
import { guardsOf } from './compose.js';
import type { Site } from './site.js';
import { statusLine } from './status.js';

export interface Daemon extends Running {
  /** Some of the config that it was made with has changed in place (see `takeLive`). */
  reconfigured(): void;
}

type Beside = { close(): Promise<void> } | undefined;

/** Starts `site`. `beside`: closed before it, in this order. The sidecar reads its part of `config` anew with each request. */
export function daemonOf(site: Site, config: Pick<HubConfig, 'guards'>, beside: readonly Beside[]): Daemon {
  return {
    ready: site.start(),
    stop: async () => {
      for (const one of beside) await one?.close();
      await site.stop();
    },
    failed: site.failed,
    pulse: () => site.pulse(),
    statusLine: () => statusLine(site.status()),
    reconfigured: () => site.setGuards(guardsOf(config)),
  };
}
