import { afterEach, expect, it } from 'vitest';
import { untilStopped } from './stop.js';

const before = process.stdout.listeners('error');
afterEach(() => {
  for (const listener of process.stdout.listeners('error'))
    if (!before.includes(listener)) process.stdout.removeListener('error', listener as () => void);
});

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s is the end', (signal) => {
  const stop = untilStopped();
  expect(stop.aborted).toBe(false);
  process.emit(signal);
  expect(stop.aborted).toBe(true);
});

it('so is a reader that has gone, and each further line to it is no error of this process', () => {
  const stop = untilStopped();
  for (let line = 0; line < 3; line += 1) process.stdout.emit('error', new Error('EPIPE'));
  expect(stop.aborted).toBe(true);
});
