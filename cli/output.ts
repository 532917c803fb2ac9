import type { EventEmitter } from 'node:events';

/**
 * A reader that has gone (`| head`) is no error of a command: what it is about to do it does to its end, and says the rest to
 * nobody. Output that is lost for another reason, such as a full disk, is told and costs the exit code.
 */
export function outliveReaders(stdout: EventEmitter = process.stdout, stderr: EventEmitter = process.stderr): void {
  let isTold = false;
  stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE' || isTold) return;
    isTold = true;
    process.exitCode = 1;
    process.stderr.write(`the output cannot be written: ${message}\n`);
  });
  stderr.on('error', () => {});
}
