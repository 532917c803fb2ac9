/** Composition root of a spoke: one engine and one peer, the hub. */

import { startPage } from '../common/page/main.js';
import type { SpokeConfig } from '../common/runtime/config.js';
import type { Log } from '../common/runtime/log.js';
import { spokeOptions } from '../common/site/compose.js';
import { type Daemon, daemonOf } from '../common/site/daemon.js';
import { siteRegistry } from '../common/site/metrics.js';
import { Site } from '../common/site/site.js';
import { startSidecar } from '../sidecar/main.js';

export async function runSpoke(config: SpokeConfig, log: Log): Promise<Daemon> {
  const site = new Site(await spokeOptions(config, log));
  const registry = siteRegistry(config.site, () => site.status());
  // Sidecar and page listen while the site is still joining, and say so.
  const sidecar = config.sidecar && (await startSidecar(config.site, config.sidecar, site, log, registry));
  const page = config.page && (await startPage(site, config.page, registry, log));
  return daemonOf(site, config, [page, sidecar]);
}
