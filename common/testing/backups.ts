import fs from 'node:fs';
import path from 'node:path';
import type { LabSite } from './sites.js';

/** Copies the state of a site that is down (`all`: its files too, inodes and all), to be put back later. */
export function backup(site: LabSite): string {
  const copy = `${site.home}.copy`;
  fs.cpSync(site.home, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

export function restoreState(site: LabSite, copy: string): void {
  fs.rmSync(site.state, { recursive: true });
  fs.cpSync(path.join(copy, 'state'), site.state, { recursive: true });
}

export function restoreAll(site: LabSite, copy: string): void {
  fs.rmSync(site.home, { recursive: true });
  fs.cpSync(copy, site.home, { recursive: true, preserveTimestamps: true });
}
