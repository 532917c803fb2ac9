/** One of many tabs at a time: by Web Locks, where the browser has them. Keys make everything right without them too. */

/** Runs `work` if no other tab is at it; returns whether it ran. */
export async function oneTabOnly(name: string, work: () => Promise<void>): Promise<boolean> {
  if (navigator.locks === undefined) {
    await work();
    return true;
  }
  return navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock === null) return false;
    await work();
    return true;
  });
}

/** Runs `work` as soon as no other tab is at it, unless it has been aborted by then. */
export async function untilOurs(name: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  if (navigator.locks === undefined) return work();
  try {
    await navigator.locks.request(name, { signal }, async () => (signal.aborted ? undefined : work()));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
