/** A release as one file. The same content gives the same bytes. */
import { createHash } from 'node:crypto';
import { chmodSync, createReadStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../../common/runtime/spawn.js';
import { type Tree, writeTree } from './tree.js';

const PACK_MS_MAX = 300_000;

/** `axle-0.1.0-linux-x64` */
export function releaseName({ manifest }: Tree): string {
  return `axle-${manifest.version}-${manifest.platform}-${manifest.arch}`;
}

/** Makes `file`, a .tar.gz with the release's files at its root; resolves to its SHA-256. */
export async function packTree(tree: Tree, file: string): Promise<string> {
  mkdirSync(dirname(file), { recursive: true });
  return inFolder(async (folder) => {
    await layOut(tree, folder);
    const tidy = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
    await runWell('tar', ['-C', folder, ...tidy, '-I', 'gzip -n -6', '-cf', file, '.']);
    return sha256Of(file);
  });
}

/** Writes the release with the modes that it has on servers, whatever the umask here. */
export async function layOut(tree: Tree, folder: string): Promise<void> {
  await writeTree(tree, folder);
  await runWell('chmod', ['-R', 'u=rwX,go=rX', folder]);
  for (const file of tree.files) if (!('link' in file)) chmodSync(join(folder, file.path), file.mode);
}

/** Runs a program; rejects with its own words where it fails. */
export async function runWell(program: string, args: readonly string[]): Promise<void> {
  const { code, stderr, failedToStart } = await run(program, args, { timeout_ms: PACK_MS_MAX });
  if (failedToStart !== undefined) throw new Error(`${program} is missing (${failedToStart})`);
  if (code !== 0) throw new Error(`${program} failed: ${stderr.trim()}`);
}

/** Does something in a folder that is removed afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'axle-release-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
