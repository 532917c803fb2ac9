/**
 * Puts the page's own files, which the compiler leaves where they are, beside what it has made of the rest.
 *
 *   node common/page/build.mjs
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const page = import.meta.dirname;
const target = join(page, '../../dist/common/page/assets');
rmSync(target, { recursive: true, force: true });
cpSync(join(page, 'assets'), target, { recursive: true });
