/** Pure. Which of the devices that a scan found are known: by their MAC, and by their address only where one has none. */

export interface KnownDevice {
  readonly id: number;
  readonly address: string;
  readonly mac?: string;
}

export interface Reconciled<F> {
  readonly seen: readonly { readonly known: KnownDevice; readonly found: F; readonly moved: boolean }[];
  readonly added: readonly F[];
  /** Not found this time. That is no sign of being offline: only polling says so. */
  readonly missed: readonly KnownDevice[];
  /** Further addresses of devices that were found already. */
  readonly doubles: readonly F[];
}

export function reconcile<F extends { readonly address: string; readonly mac?: string }>(
  known: readonly KnownDevice[],
  found: readonly F[],
): Reconciled<F> {
  const { single, doubles } = withoutDoubles(known, found);
  const taken = new Set<F>();
  const match = (is: (candidate: F) => boolean): F | undefined => {
    const candidate = single.find((each) => !taken.has(each) && is(each));
    if (candidate !== undefined) taken.add(candidate);
    return candidate;
  };
  const seen = new Map<KnownDevice, F>();
  const note = (device: KnownDevice, candidate: F | undefined) => {
    if (candidate !== undefined) seen.set(device, candidate);
  };
  // By MAC first, of all: an address may have been given to another one that is known too.
  for (const device of known)
    note(
      device,
      match(({ mac }) => mac !== undefined && mac === device.mac),
    );
  for (const device of known) {
    if (seen.has(device)) continue;
    note(
      device,
      match(({ address, mac }) => address === device.address && (mac === undefined || device.mac === undefined)),
    );
  }
  return {
    seen: known.flatMap((device) => {
      const candidate = seen.get(device);
      return candidate === undefined
        ? []
        : [{ known: device, found: candidate, moved: candidate.address !== device.address }];
    }),
    added: single.filter((each) => !taken.has(each)),
    missed: known.filter((device) => !seen.has(device)),
    doubles,
  };
}

/** Of several addresses with one MAC the known one, or else the first. */
function withoutDoubles<F extends { readonly address: string; readonly mac?: string }>(
  known: readonly KnownDevice[],
  found: readonly F[],
): { readonly single: readonly F[]; readonly doubles: readonly F[] } {
  const isKnownPlace = (each: F) => known.some(({ address, mac }) => address === each.address && mac === each.mac);
  const chosen = new Map<string, F>();
  for (const each of found) {
    if (each.mac === undefined) continue;
    const before = chosen.get(each.mac);
    if (before === undefined || (!isKnownPlace(before) && isKnownPlace(each))) chosen.set(each.mac, each);
  }
  const isChosen = (each: F) => each.mac === undefined || chosen.get(each.mac) === each;
  return { single: found.filter(isChosen), doubles: found.filter((each) => !isChosen(each)) };
}
