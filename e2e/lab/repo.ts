/** Where this project's own root is, from its sources as well as from the built files. */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const REPO_ROOT = findRoot(import.meta.dirname);

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('no package.json above the lab: where is the project?');
  return findRoot(parent);
}
