/** The end of a command that goes on until it is told to stop: Ctrl-C, SIGTERM, or a reader that has gone (`| head`). */
export function untilStopped(): AbortSignal {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  process.stdout.once('error', end);
  return stop.signal;
}
