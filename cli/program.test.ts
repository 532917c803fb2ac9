import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildProgram, runProgram } from './program.js';

let dir = '';
let out = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'axle-cli-'));
  out = '';
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      out += String(text);
      return true;
    });
  }
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

const axle = (...args: string[]) => runProgram(buildProgram(), ['node', 'axle', ...args]);

function config(text: string): string {
  const file = join(dir, 'hub.yaml');
  writeFileSync(file, text);
  return file;
}

describe('axle', () => {
  it('shows help with examples, and its version', async () => {
    expect(await axle('--help')).toBe(0);
    expect(out).toContain('axle hub --config /etc/axle/hub.yaml');
    expect(await axle('--version')).toBe(0);
    expect(out).toMatch(/\n\d+\.\d+\.\d+\n$/);
  });

  it.each([
    ['no command', []],
    ['an unknown command', ['hbu']],
    ['an unknown option', ['hub', '--colour']],
    ['a daemon without its config', ['hub']],
    ['an unknown log format', ['hub', '--config', 'x', '--log-format', 'xml']],
    ['a demo of no time', ['demo', '--seconds', '0']],
  ])('answers %s with usage and exit code 2', async (_name, args) => {
    expect(await axle(...args)).toBe(2);
    expect(out).not.toBe('');
  });

  it('shows no default that says nothing', async () => {
    await axle('miner', 'simulate', '--help');
    expect(out).toMatch(/default: 11\)/);
    expect(out).not.toMatch(/default:\s+(false|\[\]|\{\})/);
  });

  it('hides what only the demo uses', async () => {
    await axle('hub', '--help');
    expect(out).toContain('--log-format');
    expect(out).not.toContain('--exit-with-parent');
  });
});

describe('axle check-config', () => {
  it('names every mistake, and ends with exit code 2', async () => {
    const file = config('site: DS\nuserdata: data\nspokes: []\n');
    expect(await axle('check-config', file)).toBe(2);
    expect(out.split('\n').filter((line) => line.startsWith(file))).toHaveLength(3);
    expect(out).toContain(`${file}:3: spokes: must name at least one spoke (got [])`);
  });

  it('is content with a good config', async () => {
    mkdirSync(join(dir, 'userdata'));
    const file = config(`site: ds\nuserdata: ${dir}/userdata\nspokes: [{ site: rf, link: { type: pull } }]\n`);
    expect(await axle('check-config', file)).toBe(0);
    expect(out).toBe(`${file}: good, for the hub ds\n`);
  });

  it('is what a daemon does first', async () => {
    expect(await axle('hub', '--config', join(dir, 'none.yaml'))).toBe(2);
    expect(out).toContain('none.yaml: cannot be read');
  });
});
