/** PHPUnit's tests of the bridge, as part of `npm test`. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BRIDGE, lint, missingForPhp, phpFiles, run } from './testing/php.js';

const missing = missingForPhp();

describe.skipIf(missing !== undefined)(`php-bridge${missing === undefined ? '' : `: skipped, ${missing}`}`, () => {
  it('has no file that PHP cannot parse', () => {
    const files = phpFiles();
    expect(files.length).toBeGreaterThan(20);
    expect(() => lint(files)).not.toThrow();
  });

  it('passes its PHPUnit tests', async () => {
    const { code, output } = await run('phpunit', ['--configuration', path.join(BRIDGE, 'phpunit.xml')]);
    expect(output).toMatch(/OK \(\d{3,} tests, \d{4,} assertions\)|Tests: \d{3,}, .*Skipped: 1\./);
    expect(code).toBe(0);
  }, 60_000);
});
