/** What a backup says of itself: whose it is, and the checksum of every file in it. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Role } from '../../common/runtime/config.js';
import { UsageError } from '../exit.js';

export const MANIFEST = 'manifest.json';
const FORMAT = 1;

export type PackedFile = { readonly path: string; readonly bytes: number; readonly sha256: string };
export type Attributes = { readonly uid: number; readonly gid: number; readonly mode: number };

export type Manifest = {
  readonly format: typeof FORMAT;
  /** Version of Axle that made it. */
  readonly axle: string;
  readonly site: string;
  readonly role: Role;
  readonly replica: string;
  /** When the state was as it is in here, milliseconds since 1970. */
  readonly at: number;
  readonly documents: number;
  readonly withKeys: boolean;
  /** Of userdata (`.`) and its kinds. */
  readonly folders: Readonly<Record<string, Attributes>>;
  readonly files: readonly PackedFile[];
};

/** Every regular file below `root`, as paths relative to it, with slashes. */
export function* filesBelow(root: string, below = ''): Generator<string> {
  for (const entry of fs.readdirSync(path.join(root, below), { withFileTypes: true })) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(root, name);
    else if (entry.isFile()) yield name;
  }
}

/** Sums up what was packed, and writes it beside it. */
export async function writeManifest(folder: string, facts: Omit<Manifest, 'format' | 'files'>): Promise<Manifest> {
  const files: PackedFile[] = [];
  for (const name of filesBelow(folder)) files.push(await packed(folder, name));
  const manifest: Manifest = { format: FORMAT, ...facts, files };
  fs.writeFileSync(path.join(folder, MANIFEST), JSON.stringify(manifest, null, 1));
  return manifest;
}

/** Reads an unpacked backup's manifest, and holds every file to it. Throws UsageError where anything differs. */
export async function verifyUnpacked(folder: string): Promise<Manifest> {
  const manifest = readManifest(folder);
  const listed = new Map(manifest.files.map((file) => [file.path, file]));
  for (const name of filesBelow(folder)) {
    if (name === MANIFEST) continue;
    const wanted = listed.get(name);
    if (wanted === undefined) throw damaged(`${name} is in it, and not in its manifest`);
    if ((await packed(folder, name)).sha256 !== wanted.sha256) throw damaged(`${name} is not what was packed`);
    listed.delete(name);
  }
  const [missing] = listed.keys();
  if (missing !== undefined) throw damaged(`${missing} is missing`);
  return manifest;
}

function readManifest(folder: string): Manifest {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(fs.readFileSync(path.join(folder, MANIFEST), 'utf8')) as Manifest;
  } catch (error) {
    throw damaged(`no manifest: ${(error as Error).message}`);
  }
  if (manifest.format !== FORMAT)
    throw new UsageError(`this backup is of format ${manifest.format}: restore it with the Axle that made it`);
  return manifest;
}

function damaged(what: string): UsageError {
  return new UsageError(`the backup is damaged, or none of Axle's: ${what}\nnothing was changed; take another one`);
}

async function packed(folder: string, name: string): Promise<PackedFile> {
  const file = path.join(folder, name);
  const hash = createHash('sha256');
  await pipeline(fs.createReadStream(file), hash);
  return { path: name, bytes: fs.statSync(file).size, sha256: hash.digest('hex') };
}
