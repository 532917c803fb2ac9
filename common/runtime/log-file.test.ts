import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needsMounts, SmallDisk } from '../testing/small-disk.js';
import { createLog } from './log.js';
import { LogFile } from './log-file.js';

/** winston hands lines on in its own time. */
const PIPED_MS = 200;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'axle-log-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const fail = (error: Error): never => {
  throw error;
};

describe('a log file', () => {
  it('is rotated by size, newest first, and no more are kept than wanted', () => {
    const file = join(dir, 'logs/daemon.log');
    const log = new LogFile({ file, bytes_max: 30, files_max: 3, onLost: fail, onAgain: () => {} });
    for (let n = 0; n < 10; n += 1) log.write(`line number ${n}\n`);
    log.end();
    const kept = readdirSync(join(dir, 'logs')).map((name) => [name, readFileSync(join(dir, 'logs', name), 'utf8')]);
    expect(Object.fromEntries(kept)).toEqual({
      'daemon.log': 'line number 8\nline number 9\n',
      'daemon1.log': 'line number 6\nline number 7\n',
      'daemon2.log': 'line number 4\nline number 5\n',
    });
  });

  it('goes on where an earlier run ended', () => {
    const file = join(dir, 'daemon.log');
    for (const line of ['one\n', 'two\n']) {
      const log = new LogFile({ file, bytes_max: 6, files_max: 2, onLost: fail, onAgain: () => {} });
      log.end(line);
    }
    expect(readFileSync(file, 'utf8')).toBe('two\n');
    expect(readFileSync(join(dir, 'daemon1.log'), 'utf8')).toBe('one\n');
  });

  it.skipIf(needsMounts('a log on a full disk'))(
    'on a full disk loses lines, says so once, and goes on when there is room',
    async () => {
      const disk = new SmallDisk(dir);
      disk.mount(64);
      try {
        let said = '';
        const stream = new PassThrough().on('data', (piece: Buffer) => {
          said += piece.toString();
        });
        const log = createLog({ format: 'journal', level: 'info', file: join(dir, 'daemon.log'), stream });
        log.info('before');
        await sleep(PIPED_MS);
        disk.fill();
        for (let n = 0; n < 200; n += 1) log.info('meanwhile', { n, words: 'x'.repeat(100) });
        await sleep(PIPED_MS);
        disk.free();
        log.info('afterwards');
        await log.close();
        expect(said.match(/log file cannot be written .*code=AXL-LOG-FILE/g)).toHaveLength(1);
        expect(said).toContain('log file written again');
        const file = readFileSync(join(dir, 'daemon.log'), 'utf8');
        expect(file).toContain('before');
        expect(file).toMatch(/afterwards\n/);
      } finally {
        disk.unmountAll();
      }
    },
  );
});
