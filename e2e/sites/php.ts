/** Programs that run inside the hosts, as the account of a site's PHP. */

import { REPO_ROOT } from '../lab/repo.js';
import { findProgram } from '../lab/requirements.js';
import type { Site } from './site.js';

const PROGRAMS = `${REPO_ROOT}/e2e/sites/programs`;
const WRITER_LIMIT_MS = 120_000;

/** A missing php is a failure under CI, and elsewhere the tests that need it are skipped with this reason. */
export function needsPhp(what: string): boolean {
  if (findProgram('php') !== undefined) return false;
  const reason = `${what} cannot run here: php is missing: apt-get install php-cli`;
  if (process.env.CI === 'true') throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  return true;
}

export type Credits = {
  readonly document: string;
  readonly count: number;
  /** Given each time. */
  readonly amount: number;
  /** Between two credits; default none. */
  readonly pauseMs?: number;
};

/** Gives credits under the lock from a Node process on the site: read, add, truncate and write. */
export function creditByNode(site: Site, { document, count, amount, pauseMs = 0 }: Credits): Promise<string> {
  const args = [site.userdata, document, String(count), String(amount), String(pauseMs)];
  return site.asPhp([process.execPath, `${PROGRAMS}/credit.mjs`, ...args], WRITER_LIMIT_MS);
}

/** The same in PHP, which speaks the lock protocol by itself. */
export function creditByPhp(site: Site, { document, count, amount, pauseMs = 0 }: Credits): Promise<string> {
  const args = [site.userdata, document, String(count), String(amount), String(pauseMs)];
  return site.asPhp(['php', `${PROGRAMS}/credit.php`, ...args], WRITER_LIMIT_MS);
}

/** The nightly job: rewrites every balance file in place with another `last_updated`; gives the named users `amount`. */
export function rewriteAll(
  site: Site,
  lastUpdated: number,
  locked: readonly string[],
  amount: number,
): Promise<string> {
  const args = [site.userdata, String(lastUpdated), String(amount), ...locked];
  return site.asPhp([process.execPath, `${PROGRAMS}/nightly.mjs`, ...args], WRITER_LIMIT_MS);
}
