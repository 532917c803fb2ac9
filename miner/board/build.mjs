/**
 * Makes the page of the miners: page/*.ts and uPlot into one script, the looks into one sheet.
 *
 *   node miner/board/build.mjs [folder]
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const page = join(import.meta.dirname, 'page');
const target = process.argv[2] ?? join(import.meta.dirname, '../../dist/miner/board/assets');
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
cpSync(join(page, 'index.html'), join(target, 'index.html'));
cpSync(join(page, '../../../common/page/assets/icon.svg'), join(target, 'icon.svg'));
await build({
  entryPoints: [
    { in: join(page, 'main.ts'), out: 'board' },
    { in: join(page, 'board.css'), out: 'board' },
  ],
  outdir: target,
  bundle: true,
  minify: true,
  format: 'esm',
  // What every browser of the last years has.
  target: 'es2022',
  charset: 'utf8',
  // uPlot's licence goes where uPlot goes.
  banner: { js: '/* With uPlot (https://github.com/leeoniya/uPlot), MIT, (c) Leon Sorokin. */' },
  logLevel: 'warning',
});
