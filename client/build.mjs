/**
 * Makes client/unified-balance.js, the one file that a site needs, out of the sources beside this. It is in the repository
 * so that it can be copied without building; a test holds it to the sources.
 *
 *   node client/build.mjs [file]
 */
import { join } from 'node:path';
import { build } from 'esbuild';

const BANNER = `/*
 * Axle: unified-balance.js. Made from client/*.ts by client/build.mjs; change those, not this.
 * <script src="unified-balance.js" data-api="/api" data-sidecar="/axle"></script>; client/README.md says the rest.
 */`;

await build({
  entryPoints: [join(import.meta.dirname, 'main.ts')],
  outfile: process.argv[2] ?? join(import.meta.dirname, 'unified-balance.js'),
  absWorkingDir: import.meta.dirname,
  bundle: true,
  format: 'iife',
  // What every browser of the last years has; older ones lack Web Locks anyway.
  target: 'es2022',
  charset: 'utf8',
  banner: { js: BANNER },
  logLevel: 'warning',
});
