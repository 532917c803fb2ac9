/** The end of a command that goes on until it is told to stop: Ctrl-C, SIGTERM, or a terminal or reader that has gone (`| head`). */
export function untilStopped(): AbortSignal {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  process.once('SIGHUP', end);
  // Each line that is still said to nobody is an error of its own, and none may end this process halfway.
  process.stdout.on('error', end);
  return stop.signal;
}
