/** Which Axle this is. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** As package.json says it; `unknown` where that cannot be found. */
export function version(): string {
  // Some folders up from the sources, one more from dist.
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      return String(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version);
    } catch {
      // Not here: look further up.
    }
  }
  return 'unknown';
}
