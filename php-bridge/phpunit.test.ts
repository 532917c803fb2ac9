/** PHPUnit's tests of the bridge, as part of `npm test`. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BRIDGE, missingForPhp, phpFiles, run } from './testing/php.js';

const missing = missingForPhp();

describe.skipIf(missing !== undefined)(`php-bridge${missing === undefined ? '' : `: skipped, ${missing}`}`, () => {
  it('has no file that PHP cannot compile', async () => {
    const files = phpFiles();
    expect(files.length).toBeGreaterThan(20);
    const checked = await Promise.all(files.map((file) => run('php', ['-l', file])));
    expect(checked.filter(({ code }) => code !== 0)).toEqual([]);
  });

  it('passes its PHPUnit tests', async () => {
    const { code, output } = await run('phpunit', ['--configuration', path.join(BRIDGE, 'phpunit.xml')]);
    // Its words differ from version to version, and tests that only root can do may be skipped.
    expect(output).toMatch(/OK.*(?:\(\d{3,} tests|Tests: \d{3,},)/s);
    expect(code).toBe(0);
  }, 60_000);
});
