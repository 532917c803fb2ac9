/**
 * Puts the page's own files, which the compiler leaves where they are, beside what it has made of the rest.
 *
 *   node page/build.mjs
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';

const page = import.meta.dirname;
cpSync(join(page, 'assets'), join(page, '../dist/page/assets'), { recursive: true });
