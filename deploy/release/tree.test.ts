import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { releaseTree } from './tree.js';

const ROOT = join(import.meta.dirname, '../..');

// `npm test` builds first; a single test that is run by hand may not.
describe.skipIf(!existsSync(join(ROOT, 'dist/cli/main.js')))('a release', () => {
  const tree = releaseTree(ROOT, { version: '1.2.3' });
  const paths = new Set(tree.files.map(({ path }) => path));

  it('holds whatever its own files import', () => {
    const missing: string[] = [];
    for (const file of tree.files) {
      if (!file.path.startsWith('dist/') || !file.path.endsWith('.js') || !('from' in file)) continue;
      const source = readFileSync(file.from, 'utf8');
      for (const [, specifier = ''] of source.matchAll(/(?:from|import\()\s*['"](\.[^'"]+)['"]/g)) {
        const wanted = posix.join(posix.dirname(file.path), specifier);
        if (!paths.has(wanted)) missing.push(`${file.path}: ${wanted}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it('holds the production packages, their native modules, and what stands beside them', () => {
    const wanted = [
      'bin/axle',
      'node/bin/node',
      'package.json',
      'dist/cli/main.js',
      'node_modules/better-sqlite3/build/Release/better_sqlite3.node',
      'node_modules/fastify/package.json',
      'client/unified-balance.js',
      'dist/common/page/assets/page.mjs',
      'dist/miner/board/assets/board.js',
      'deploy/monitoring/axle.rules.yaml',
      'docs/OPERATING.md',
      'php-bridge/autoload.php',
      'systemd/hub-distribute.service',
      'systemd/axle.sysusers.conf',
    ];
    expect(wanted.filter((path) => !paths.has(path))).toEqual([]);
    expect([...paths].some((path) => /^node_modules\/(?:vitest|typescript|esbuild)\//.test(path))).toBe(false);
  });

  it('has the version that was asked for, and another checksum for each', () => {
    expect(tree.manifest).toMatchObject({ version: '1.2.3', platform: process.platform, arch: process.arch });
    const again = releaseTree(ROOT, { version: '1.2.3' }).manifest.checksum;
    expect(again).toBe(tree.manifest.checksum);
    expect(releaseTree(ROOT, { version: '1.2.4' }).manifest.checksum).not.toBe(again);
    expect(() => releaseTree(ROOT, { version: '../x' })).toThrow('not a version');
  });
});
