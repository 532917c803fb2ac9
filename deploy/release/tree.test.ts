import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BUILT } from './tree.js';

const ROOT = join(import.meta.dirname, '../..');

describe('a release', () => {
  it('holds every folder that what is in it imports', () => {
    const imported = BUILT.filter((folder) => readdirSync(ROOT).includes(folder)).flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts') && !/\.test\.ts$|(^|\/)testing\//.test(path))
        .flatMap((path) => {
          const file = posix.join(folder, path);
          const text = readFileSync(join(ROOT, file), 'utf8');
          return [...text.matchAll(/(?:from|import\() ?'(\.[^']+)'/g)].map(
            ([, target = '']) => posix.join(posix.dirname(file), target).split('/')[0],
          );
        }),
    );
    expect(imported).toContain('page');
    expect([...new Set(imported)].filter((folder) => !BUILT.includes(folder ?? ''))).toEqual([]);
  });
});
