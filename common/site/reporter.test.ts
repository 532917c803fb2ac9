import { beforeEach, describe, expect, it } from 'vitest';
import type { Fields, Log } from '../runtime/log.js';
import { Reporter } from './reporter.js';

let now: number;
let lines: string[];
let reporter: Reporter;

beforeEach(() => {
  now = 1_000_000;
  lines = [];
  const write =
    (level: string) =>
    (event: string, fields: Fields = {}): void => {
      lines.push(`${level} ${event} ${fields.step} ${fields.code}`);
    };
  const log: Log = { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
  reporter = new Reporter('roflfaucet', log, () => now);
});

const full = (path: string): Error => Object.assign(new Error(`ENOSPC: no space, open '${path}'`), { code: 'ENOSPC' });

describe('broken machinery', () => {
  it('is told once a minute for each step, whatever file its words name', () => {
    for (let n = 0; n < 130; n += 1) {
      reporter.broken('materialise', full(`/userdata/${n}`));
      now += 1_000;
    }
    reporter.broken('absorb', full('/userdata'));
    const told = 'error failed materialise AXL-DISK-FULL';
    expect(lines).toEqual([told, told, told, 'error failed absorb AXL-DISK-FULL']);
  });

  it('is told as over once, and only where it was told as broken', () => {
    reporter.working('materialise');
    reporter.broken('materialise', full('/a'));
    reporter.working('absorb');
    reporter.working('materialise');
    reporter.working('materialise');
    expect(lines).toEqual(['error failed materialise AXL-DISK-FULL', 'info works again materialise AXL-DISK-FULL']);
  });

  it('that comes and goes is told once a minute both ways', () => {
    for (let n = 0; n < 60; n += 1) {
      reporter.broken('send hub', full('/a'));
      reporter.working('send hub');
      now += 900;
    }
    expect(lines).toHaveLength(2);
  });

  it('says by its value whether to go on', () => {
    expect(reporter.broken('absorb', full('/a')).isFatal).toBe(false);
    expect(reporter.broken('absorb', Object.assign(new Error('malformed'), { code: 'SQLITE_CORRUPT' })).isFatal).toBe(
      true,
    );
  });
});
