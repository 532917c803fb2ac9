/** `npm run package [-- --version 1.2.3 --out FOLDER]` and `npm run package:deb`: a release as .tar.gz or as .deb. */
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeDeb } from './deb.js';
import { packTree, releaseName } from './pack.js';
import { releaseTree } from './tree.js';

const { values } = parseArgs({
  options: {
    deb: { type: 'boolean', default: false },
    version: { type: 'string' },
    systemd: { type: 'string' },
    out: { type: 'string', default: 'release' },
  },
});

const { version, systemd } = values;
const tree = releaseTree(rootAbove(import.meta.dirname), {
  ...(version !== undefined && { version }),
  ...(systemd !== undefined && { systemd }),
});
let file: string;
if (values.deb) {
  file = await makeDeb(tree, resolve(values.out));
} else {
  file = join(resolve(values.out), `${releaseName(tree)}.tar.gz`);
  const checksum = await packTree(tree, file);
  writeFileSync(`${file}.sha256`, `${checksum}  ${basename(file)}\n`);
}
console.log(`${file} (${(statSync(file).size / 1e6).toFixed(1)} MB, Node ${tree.manifest.node})`);

function rootAbove(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : rootAbove(dirname(folder));
}
