import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolders } from './folders.js';

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-folders-'));
});
afterEach(() => fs.rmSync(root, { recursive: true }));

it('makes what is missing, and says whether anything was', () => {
  const folder = path.join(root, 'a', 'b', 'c');
  expect(makeFolders(folder, 0o750)).toBe(true);
  for (const each of ['a', 'a/b', 'a/b/c']) expect(fs.statSync(path.join(root, each)).mode & 0o777).toBe(0o750);
  expect(makeFolders(folder)).toBe(false);
  fs.symlinkSync(folder, path.join(root, 'link'));
  expect(makeFolders(path.join(root, 'link', 'd'))).toBe(true);
  expect(fs.existsSync(path.join(folder, 'd'))).toBe(true);
});

// Without an end where Node's own way is taken.
it.runIf(process.platform === 'linux').each(['/proc/axle-test', '/proc/axle-test/state/run'])(
  'ends at %s, which takes no folders',
  (folder) => {
    expect(() => makeFolders(folder)).toThrow(
      expect.objectContaining({
        code: 'AXL-FOLDER',
        message: '/proc/axle-test cannot be made: /proc takes no folders (ENOENT)',
        hint: expect.stringMatching(/^name another place/),
      }),
    );
  },
);

it.each(['file', 'file/below', 'dangling'])('says that %s cannot be one', (name) => {
  fs.writeFileSync(path.join(root, 'file'), '');
  fs.symlinkSync(path.join(root, 'nowhere'), path.join(root, 'dangling'));
  expect(() => makeFolders(path.join(root, name))).toThrow(
    expect.objectContaining({
      code: 'AXL-FOLDER',
      message: expect.stringMatching(/there is something else \(EEXIST\)/),
    }),
  );
});
