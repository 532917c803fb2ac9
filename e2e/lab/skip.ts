/** Whether a test that needs real hosts can run here: skipped with its reason, or, under CI, a failure. */

import { labObstacles } from './requirements.js';

/** For `describe.skipIf(needsLab('…'))`. With `CI=true` a missing part is a failure, so that CI cannot pass by skipping. */
export function needsLab(what: string): boolean {
  const obstacles = labObstacles();
  if (obstacles.length === 0) return false;
  const reason = `${what} cannot run here:\n  ${obstacles.join('\n  ')}`;
  if (process.env.CI === 'true') throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  return true;
}
