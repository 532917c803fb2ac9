/** What a release consists of: which files, from where, and one checksum over all of them. */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SCHEMA_VERSION } from '../../common/replica/schema.js';

/** What `release.json` in the root of every release says. */
export type Manifest = {
  readonly version: string;
  /** Over all files but release.json itself. */
  readonly checksum: string;
  /** As `process.platform` and `process.arch`. */
  readonly platform: string;
  readonly arch: string;
  /** The Node that it carries: native modules are made for it and for no other. */
  readonly node: string;
  /** Newest schema of a state database that it can read. */
  readonly schema: number;
};

type Source = { readonly from: string } | { readonly text: string } | { readonly link: string };
export type TreeFile = Source & { readonly path: string; readonly mode: 0o644 | 0o755 };

export type Tree = { readonly manifest: Manifest; readonly files: readonly TreeFile[] };

export type TreeOptions = {
  /** Instead of package.json's. */
  readonly version?: string;
  /** Instead of `<root>/systemd`. */
  readonly systemd?: string;
};

export const VERSION = /^[0-9][A-Za-z0-9.+~-]{0,63}$/;

/** As they are, where they exist. */
const WHOLE = ['php-bridge', 'deploy/data', 'deploy/monitoring', 'fixtures'];
const SINGLE = [
  'bin/axle',
  'client/unified-balance.js',
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'FILE_SYNC_STRATEGY.md',
  'docs/OPERATING.md',
];

/** Sources and rests of building native modules: much larger than all the rest together. */
const NOT_SHIPPED = [
  /^node_modules\/better-sqlite3\/(?:deps|src)\//,
  /^node_modules\/better-sqlite3\/build\/(?!Release\/better_sqlite3\.node$)/,
  /^node_modules\/@parcel\/watcher\/(?:src|build)\//,
  /^node_modules\/(?:cpu-features|nan|node-addon-api|buildcheck)\//,
  /\/build\/Release\/(?!.*\.node$)/,
  /\.(?:map|d\.ts|d\.mts|d\.cts)$/,
  /^dist\/(?:bench|e2e|simulate)\//,
  /(?:^|\/)testing\//,
  /^php-bridge\/(?:tests|config\.php$)/,
  /\.test\.(?:ts|js|mjs)$/,
];

/** From a checkout that has been built, or from an installed release. Throws where it is neither. */
export function releaseTree(root: string, options: TreeOptions = {}): Tree {
  const { version, ...rest } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
  const wanted = options.version ?? String(version);
  if (!VERSION.test(wanted)) throw new Error(`not a version: ${JSON.stringify(wanted)}`);
  if (!existsSync(join(root, 'dist/cli/main.js'))) throw new Error(`${root} is not built: npm run build`);
  checkNode();
  const { name, description, license, type, engines, bin, dependencies } = rest;
  const packageJson = { name, version: wanted, description, license, type, private: true, engines, bin, dependencies };
  const files: TreeFile[] = [
    { path: 'package.json', text: `${JSON.stringify(packageJson, null, 2)}\n`, mode: 0o644 },
    { path: 'node/bin/node', from: process.execPath, mode: 0o755 },
    ...filesBelow(root, 'dist'),
    ...WHOLE.flatMap((folder) => filesBelow(root, folder)),
    ...SINGLE.filter((path) => existsSync(join(root, path))).map((path) => fileOf(root, path)),
    ...filesBelow(options.systemd ?? join(root, 'systemd'), '').map((file) => ({
      ...file,
      path: `systemd/${file.path}`,
    })),
    ...modulesOf(root),
  ];
  const kept = files.filter(({ path }) => !NOT_SHIPPED.some((pattern) => pattern.test(path)));
  kept.sort((a, b) => (a.path < b.path ? -1 : 1));
  const { platform, arch, versions } = process;
  const manifest = {
    version: wanted,
    checksum: checksumOf(kept),
    platform,
    arch,
    node: versions.node,
    schema: SCHEMA_VERSION,
  };
  return { manifest, files: kept };
}

/** A Node that is itself only a few kilobytes, with the rest in libraries of the system, runs nowhere else. */
function checkNode(): void {
  const { variables } = process.config as unknown as { variables: Record<string, unknown> };
  const shared = Object.keys(variables).filter((key) => /^node_shared/.test(key) && String(variables[key]) === 'true');
  if (shared.length === 0) return;
  throw new Error(
    `this Node (${process.execPath}) needs libraries of this machine (${shared.join(', ')}) and cannot be taken along.\n` +
      'Run with one from https://nodejs.org/en/download, which needs none.',
  );
}

/** Folders of production packages, as the lock file names them; in a release, all that are there. */
function modulesOf(root: string): TreeFile[] {
  const lockFile = join(root, 'package-lock.json');
  if (!existsSync(lockFile)) return filesBelow(root, 'node_modules');
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8')) as { packages: Record<string, { dev?: boolean }> };
  const folders = Object.entries(packages)
    .filter(([folder, { dev }]) => folder.startsWith('node_modules/') && dev !== true && existsSync(join(root, folder)))
    .map(([folder]) => folder);
  // A package's own node_modules are named by the lock file, too.
  return folders.flatMap((folder) => filesBelow(root, folder, 'node_modules'));
}

function filesBelow(root: string, folder: string, except?: string): TreeFile[] {
  const whole = join(root, folder);
  if (!existsSync(whole)) return [];
  return readdirSync(whole, { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (!entry.isDirectory()) return [fileOf(root, path)];
    return entry.name === except ? [] : filesBelow(root, path, except);
  });
}

function fileOf(root: string, path: string): TreeFile {
  const from = join(root, path);
  const stat = lstatSync(from);
  if (stat.isSymbolicLink()) return { path, link: readlinkSync(from), mode: 0o644 };
  return { path, from, mode: (stat.mode & 0o111) === 0 ? 0o644 : 0o755 };
}

function checksumOf(files: readonly TreeFile[]): string {
  const all = createHash('sha256');
  for (const file of files) {
    const content = 'link' in file ? file.link : 'text' in file ? file.text : readFileSync(file.from);
    const own = createHash('sha256').update(content).digest('hex');
    all.update(`${'link' in file ? 'link' : file.mode.toString(8)} ${own} ${file.path}\n`);
  }
  return all.digest('hex');
}

/** Writes the release into `folder`, which is made. */
export async function writeTree({ manifest, files }: Tree, folder: string): Promise<void> {
  const made = new Set<string>();
  const put = async (file: TreeFile): Promise<void> => {
    const to = join(folder, file.path);
    const parent = dirname(to);
    if (!made.has(parent)) mkdirSync(parent, { recursive: true });
    made.add(parent);
    if ('link' in file) symlinkSync(file.link, to);
    else if ('text' in file) await writeFile(to, file.text);
    else await copyFile(file.from, to);
  };
  for (const file of files) await put(file);
  await put({ path: 'release.json', text: `${JSON.stringify(manifest, null, 2)}\n`, mode: 0o644 });
}
