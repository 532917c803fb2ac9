/** Debian's Chromium, driven by playwright-core. */
import fs from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Why tests in a browser cannot run here; undefined where they can. With CI=true a missing browser is an error. */
export function missingForBrowser(): string | undefined {
  if (program() !== undefined) return undefined;
  const reason = 'chromium is missing: apt-get install chromium';
  if (process.env.CI === 'true') throw new Error(`${reason}, and CI=true: these tests must run there`);
  return reason;
}

export function launch(): Promise<Browser> {
  const executablePath = program();
  if (executablePath === undefined) throw new Error('no chromium');
  // Root has no sandbox, and containers have little /dev/shm.
  const args = ['--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
  return chromium.launch({ executablePath, args });
}

function program(): string | undefined {
  return PROGRAMS.find((one) => fs.existsSync(one));
}
