/** The port of the benchmark: what every measured system must be able to do. One file per system implements it. */

import { chownSync, mkdirSync, rmSync } from 'node:fs';
import { WWW_DATA } from '../e2e/lab/axle.js';
import type { Host } from '../e2e/lab/host.js';
import type { Lab } from '../e2e/lab/lab.js';

export const HUB = 'directsponsor';
export const SPOKES = ['roflfaucet', 'clickforcharity'] as const;
export const SITES: readonly string[] = [HUB, ...SPOKES];

export interface System {
  readonly name: string;
  /** How it is set, in a few words, for the report. */
  readonly settings: string;
  /** False when changes can only go from the first spoke to the second. */
  readonly twoWay: boolean;
  /** What keeps it from running here, a sentence each with the Debian package; empty when nothing does. */
  obstacles(): string[];
  version(lab: Lab): Promise<string>;
  /** Starts it on every host with empty folders. It need not be connected yet: the benchmark probes for that. */
  start(lab: Lab): Promise<void>;
  /** Stops it on every host; afterwards it uses no processor time. Must be harmless when it does not run. */
  stop(lab: Lab): Promise<void>;
  /** The folder inside the host that holds `balances/`. */
  paths(site: string): string;
}

/** Empties a rival's folder on a host and makes it as a site's userdata is: owned by www-data. */
export function emptyFolder(host: Host, folder: string): void {
  rmSync(host.path(folder), { recursive: true, force: true });
  for (const path of [folder, `${folder}/balances`]) {
    mkdirSync(host.path(path), { recursive: true });
    chownSync(host.path(path), WWW_DATA, WWW_DATA);
  }
}

/** Writes a rival's unit and (re)loads systemd. */
export async function writeUnit(host: Host, unit: string, lines: readonly string[]): Promise<void> {
  const service = ['[Service]', 'Type=simple', 'Restart=always', 'RestartSec=1', ...lines];
  host.write(`/etc/systemd/system/${unit}`, `[Unit]\nStartLimitIntervalSec=0\n${service.join('\n')}\n`);
  await host.must(['systemctl', 'daemon-reload']);
}

/** Stops a unit that may not exist or not run. */
export async function stopUnit(host: Host, unit: string): Promise<void> {
  await host.run(['systemctl', 'stop', unit], { timeoutMs: 30_000 });
}
