/** The specification and the tests name each other: no invariant without a test, no test file that is not there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const text = readFileSync(join(ROOT, 'FILE_SYNC_STRATEGY.md'), 'utf8');
const section = text.slice(text.indexOf('## 9. Invariants'), text.indexOf('## 10.'));
const rows = [...section.matchAll(/^\| (I\d+) \|.*\| (.*) \|$/gm)].map(([, id, files]) => ({
  id: id as string,
  files: [...(files as string).matchAll(/`([^`]+\.test\.ts)`/g)].map(([, file]) => file as string),
}));

describe('FILE_SYNC_STRATEGY.md', () => {
  it('lists the invariants', () => {
    expect(rows.map(({ id }) => id)).toEqual(['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9', 'I10']);
  });

  it.each(rows)('names the tests that enforce $id, and they carry its number', ({ id, files }) => {
    expect(files.length).toBeGreaterThan(0);
    const number = new RegExp(`\\b${id}\\b`);
    for (const file of files) {
      expect(existsSync(join(ROOT, file)), file).toBe(true);
      expect(readFileSync(join(ROOT, file), 'utf8'), `${file} does not mention ${id}`).toMatch(number);
    }
  });
});
