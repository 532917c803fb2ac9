/**
 * A backup of one site, taken while it runs: its state of one moment, and beside it what the state does not hold. The live
 * files of documents are not copied: what each held at that very moment is in the state, and restoring writes it. A file that
 * was copied a second later would hold what the state has never counted, and would be counted once more.
 */
import fs from 'node:fs';
import path from 'node:path';
import { isDocumentName } from '../../common/core/names.js';
import { DEFAULT_POLICIES } from '../../common/core/policy.js';
import { Store } from '../../common/replica/store.js';
import type { Config } from '../../common/runtime/config.js';
import { type ControlError, callControl, controlSocket } from '../../common/runtime/control.js';
import { version } from '../../common/runtime/version.js';
import type { BackupCopy } from '../../common/site/site.js';
import { UsageError } from '../exit.js';
import { type Attributes, type Manifest, writeManifest } from './manifest.js';
import { pack } from './tar.js';

export type BackupOptions = {
  /** The config's path. */
  readonly file: string;
  readonly config: Config;
  readonly to: string;
  readonly withKeys: boolean;
};

export type BackupReport = {
  readonly manifest: Manifest;
  readonly bytes: number;
  /** Files that can be no part of it: symlinks, sockets. */
  readonly skipped: number;
};

export async function makeBackup(options: BackupOptions): Promise<BackupReport> {
  const { config, file, to, withKeys } = options;
  const { state, userdata, site } = config.config;
  if (fs.existsSync(to)) throw new UsageError(`${to} is there already: name a new file`);
  if (!fs.existsSync(path.dirname(path.resolve(to)))) throw new UsageError(`${path.dirname(to)} is no folder`);
  const at = Date.now();
  const run = path.join(state, 'run');
  if (!fs.existsSync(run)) throw new UsageError(`${state} is no state of a site: has its daemon ever run?`);
  const stage = fs.mkdtempSync(path.join(run, 'backup-'));
  try {
    await copyState(state, path.join(stage, 'state.db'));
    fs.copyFileSync(file, path.join(stage, 'config.yaml'));
    copyOwn(config, stage, withKeys);
    const kinds = new Set([...Object.keys(DEFAULT_POLICIES), ...Object.keys(config.config.kinds)]);
    const store = Store.open(path.join(stage, 'state.db'));
    let facts: Omit<Manifest, 'format' | 'files'>;
    let skipped: number;
    try {
      store.commit(() => store.forgetIntents());
      skipped = copyRest(userdata, stage, store, kinds);
      const folders = Object.fromEntries(
        ['.', ...kinds]
          .filter((kind) => fs.existsSync(path.join(userdata, kind)))
          .map((kind) => [kind, attributesOf(path.join(userdata, kind))]),
      );
      const replica = store.meta('replica') ?? '';
      const documents = store.countDocuments();
      facts = { axle: version(), site, role: config.role, replica, at, documents, withKeys, folders };
    } finally {
      store.close();
    }
    const manifest = await writeManifest(stage, facts);
    const bytes = await packTo(stage, to);
    return { manifest, bytes, skipped };
  } finally {
    fs.rmSync(stage, { recursive: true, force: true });
  }
}

/** By the daemon where one runs; else from the disk. */
async function copyState(state: string, to: string): Promise<void> {
  try {
    const { file } = (await callControl(controlSocket(state), 'backup', {})) as BackupCopy;
    fs.renameSync(file, to);
  } catch (error) {
    const { code, message, hint } = error as ControlError;
    if (code === 'AXL-NOT-RUNNING') return copyAtRest(state, to);
    if (code?.startsWith('AXL-')) throw new UsageError(`${code}: ${message}${hint ? `\n${hint}` : ''}`);
    throw error;
  }
}

async function copyAtRest(state: string, to: string): Promise<void> {
  const database = path.join(state, 'state.db');
  if (!fs.existsSync(database)) throw new UsageError(`there is no ${database}: has its daemon ever run?`);
  const store = Store.open(database);
  try {
    await store.backup(to);
  } finally {
    store.close();
  }
}

/** Tokens hold only hashes; keys are secret, and copied only on demand. */
function copyOwn({ config }: Config, stage: string, withKeys: boolean): void {
  const { state, sidecar } = config;
  const tokens = sidecar?.tokens ?? path.join(state, 'tokens.json');
  if (fs.existsSync(tokens)) fs.copyFileSync(tokens, path.join(stage, 'tokens.json'));
  const ssh = path.join(state, 'ssh');
  if (!fs.existsSync(ssh)) return;
  fs.mkdirSync(path.join(stage, 'ssh'));
  for (const entry of fs.readdirSync(ssh, { withFileTypes: true }))
    if (entry.isFile() && (withKeys || entry.name === 'known_hosts' || entry.name.endsWith('.pub')))
      fs.copyFileSync(path.join(ssh, entry.name), path.join(stage, 'ssh', entry.name));
}

/** Of Axle's own folder, what nobody can make anew. */
const OWN = ['.axle/conflicts', '.axle/bridge'];

/**
 * What lies in userdata and is no document that the state knows: copied as it is. A document that cannot be read, or has only
 * just been written, goes to `unread/`: put back in its place it would count as new, and it may have been counted since.
 */
function copyRest(userdata: string, stage: string, store: Store, kinds: ReadonlySet<string>): number {
  let skipped = 0;
  const walk = (below: string): void => {
    for (const entry of fs.readdirSync(path.join(userdata, below), { withFileTypes: true })) {
      const name = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) {
        if (isWanted(name)) walk(name);
      } else if (!entry.isFile()) skipped++;
      else if (name.startsWith('.axle') && !OWN.some((own) => name.startsWith(`${own}/`))) continue;
      else copyFile(name, below);
    }
  };
  const copyFile = (name: string, kind: string): void => {
    const document = name.endsWith('.txt') && kinds.has(kind) ? name.slice(0, -'.txt'.length) : '';
    if (isDocumentName(document) && store.printOf(document)?.hasFile === 1) return;
    const to = path.join(stage, isDocumentName(document) ? 'unread' : 'userdata', name);
    fs.mkdirSync(path.dirname(to), { recursive: true });
    try {
      fs.copyFileSync(path.join(userdata, name), to);
    } catch (error) {
      // Gone meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  };
  walk('');
  return skipped;
}

function isWanted(folder: string): boolean {
  if (folder === '.axle' || !folder.startsWith('.axle/')) return true;
  return OWN.some((own) => folder === own || folder.startsWith(`${own}/`));
}

function attributesOf(folder: string): Attributes {
  const { uid, gid, mode } = fs.statSync(folder);
  return { uid, gid, mode: mode & 0o7777 };
}

/** Whole or not at all, and for nobody else. */
async function packTo(stage: string, to: string): Promise<number> {
  const partial = `${to}.partial`;
  fs.writeFileSync(partial, '', { mode: 0o600 });
  try {
    await pack(stage, partial, to);
    const fd = fs.openSync(partial, 'r');
    fs.fsyncSync(fd);
    fs.closeSync(fd);
    fs.renameSync(partial, to);
  } finally {
    fs.rmSync(partial, { force: true });
  }
  return fs.statSync(to).size;
}
