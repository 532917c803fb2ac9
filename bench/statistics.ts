/** The few statistics that the report needs. */

/** The value below which `share` (0–1) of the values lie: the nearest rank, so always one that was measured. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error('no values: nothing was measured');
  return value;
}

/** The middle value, or the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const half = values.length / 2;
  const below = percentile(values, 0.5);
  return Number.isInteger(half) ? (below + percentile(values, 0.5 + 1 / values.length)) / 2 : below;
}
