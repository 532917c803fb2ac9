/** Every number of a reading, with its place: `/fans/0/rpm`. */
export function numbersIn(part: unknown, path = ''): readonly (readonly [string, number])[] {
  if (typeof part === 'number') return [[path, part]];
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([key, item]) => numbersIn(item, `${path}/${key}`));
}

/** Below zero may be air, and a signal. */
export const MAY_BE_NEGATIVE = /ambient_c|rssi_dbm/;
