/** How long to wait after so many failures in a row: doubling, and never all pages at the same moment. */

const FIRST_MS = 500;
const LIMIT_MS = 30_000;

/** `failures` from 1; `random` in [0, 1). */
export function backoff_ms(failures: number, random: number): number {
  const full = Math.min(LIMIT_MS, FIRST_MS * 2 ** Math.min(failures - 1, 16));
  return Math.round(full * (0.5 + random / 2));
}
