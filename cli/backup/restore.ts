/**
 * Puts a backup back. Everything is unpacked and checked beside what is there before anything of that is touched; then state
 * and userdata change places with it, the state first: a crash between the two leaves a state that is older than its files,
 * which the daemon knows (FILE_SYNC_STRATEGY.md, section 4). What was there stays beside, for people.
 */
import fs from 'node:fs';
import path from 'node:path';
import { documentFile } from '../../common/core/names.js';
import { DEFAULT_POLICIES } from '../../common/core/policy.js';
import { Store } from '../../common/replica/store.js';
import { type Config, loadConfig, parseHubConfig, parseSpokeConfig } from '../../common/runtime/config.js';
import { type ControlError, callControl, controlSocket } from '../../common/runtime/control.js';
import { start } from '../../common/runtime/spawn.js';
import { UsageError } from '../exit.js';
import { type Attributes, filesBelow, type Manifest, verifyUnpacked } from './manifest.js';
import { unpack } from './tar.js';

export type RestoreOptions = {
  /** The backup. */
  readonly from: string;
  /** The config's path; written from the backup where there is none. */
  readonly file: string;
  /** Also where the state that is there holds changes that no peer has. */
  readonly force: boolean;
};

export type RestoreReport = {
  readonly manifest: Manifest;
  readonly files: number;
  /** Where what was there is now. */
  readonly aside: readonly string[];
};

const CHUNK = 1_000;
const SYNC_MS = 600_000;

export async function restoreBackup({ from, file, force }: RestoreOptions): Promise<RestoreReport> {
  if (!fs.existsSync(from)) throw new UsageError(`there is no ${from}`);
  const word = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  const config = fs.existsSync(file) ? loadConfig(file) : undefined;
  // Beside the state, where it is to be: there is room, or that is found out now.
  const base = config === undefined ? path.dirname(path.resolve(from)) : existing(path.dirname(config.config.state));
  const made: string[] = [fs.mkdtempSync(path.join(base, '.restore-'))];
  const [stage = ''] = made;
  try {
    await unpack(from, stage);
    const manifest = await verifyUnpacked(stage);
    const target = config ?? configFrom(stage, manifest, file);
    const { state, userdata } = target.config;
    await check(manifest, target, force, from);
    const [newState, newUserdata] = [`${state}.new-${word}`, `${userdata}.new-${word}`];
    made.push(newState, newUserdata);
    prepareState(stage, newState, target);
    const files = prepareUserdata(stage, newState, newUserdata, target, manifest);
    await giveToDaemon(newState, target);
    await start('sync', [], { timeout_ms: SYNC_MS }).exited;
    if (config === undefined) fs.copyFileSync(path.join(stage, 'config.yaml'), file, fs.constants.COPYFILE_EXCL);
    const aside = [swap(newState, state, word), swap(newUserdata, userdata, word)];
    return { manifest, files, aside: aside.filter((one) => one !== undefined) };
  } finally {
    for (const folder of made) fs.rmSync(folder, { recursive: true, force: true });
  }
}

function existing(folder: string): string {
  return fs.existsSync(folder) ? folder : existing(path.dirname(folder));
}

/** The config in the backup, which is to become the one at `file`. */
function configFrom(stage: string, { role }: Manifest, file: string): Config {
  const text = fs.readFileSync(path.join(stage, 'config.yaml'), 'utf8');
  return role === 'hub' ? { role, config: parseHubConfig(text, file) } : { role, config: parseSpokeConfig(text, file) };
}

async function check(manifest: Manifest, { role, config }: Config, force: boolean, from: string): Promise<void> {
  if (manifest.site !== config.site || manifest.role !== role)
    throw new UsageError(
      `${from} is of the ${manifest.role} ${manifest.site}, and the config of the ${role} ${config.site}`,
    );
  for (const folder of [config.state, config.userdata])
    if (isMount(folder))
      throw new UsageError(
        `${folder} is a mount point, and cannot change places with another folder: mount its parent`,
      );
  const isRunning = await callControl(controlSocket(config.state), 'status', {}).then(
    () => true,
    ({ code }: ControlError) => code !== 'AXL-NOT-RUNNING',
  );
  if (isRunning) {
    const unit = role === 'hub' ? 'hub-distribute' : 'sync-to-hub';
    throw new UsageError(`the daemon is running: stop it first (systemctl stop ${unit}); nothing was changed`);
  }
  const untold = force ? 0 : countUntold(path.join(config.state, 'state.db'));
  if (untold > 0)
    throw new UsageError(
      `the state that is there holds changes of ${untold} documents that no other site has: start the daemon until ` +
        'axle status shows none behind, or give them up with --force (they stay in the copy that is put aside)',
    );
}

function isMount(folder: string): boolean {
  if (!fs.existsSync(folder)) return false;
  return fs.statSync(folder).dev !== fs.statSync(path.dirname(folder)).dev;
}

function countUntold(database: string): number {
  if (!fs.existsSync(database)) return 0;
  try {
    const store = Store.open(database);
    try {
      return store.countUntold();
    } finally {
      store.close();
    }
  } catch {
    // Damaged: that is what backups are for.
    return 0;
  }
}

/** What the backup has of the state folder; keys that are there are kept where it has none. */
function prepareState(stage: string, folder: string, { config }: Config): void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o750 });
  move(path.join(stage, 'state.db'), path.join(folder, 'state.db'));
  const ssh = path.join(folder, 'ssh');
  const kept = path.join(config.state, 'ssh');
  if (fs.existsSync(kept)) fs.cpSync(kept, ssh, { recursive: true });
  if (fs.existsSync(path.join(stage, 'ssh'))) fs.cpSync(path.join(stage, 'ssh'), ssh, { recursive: true });
  if (fs.existsSync(ssh)) {
    fs.chmodSync(ssh, 0o700);
    for (const name of fs.readdirSync(ssh)) fs.chmodSync(path.join(ssh, name), name.endsWith('.pub') ? 0o644 : 0o600);
  }
  const tokens = path.join(stage, 'tokens.json');
  if (fs.existsSync(tokens)) {
    fs.copyFileSync(tokens, path.join(folder, 'tokens.json'));
    fs.chmodSync(path.join(folder, 'tokens.json'), 0o640);
  }
}

function move(from: string, to: string): void {
  try {
    fs.renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    fs.copyFileSync(from, to);
  }
}

/** Live files as the state has them, and what lay beside them. Returns how many live files there are. */
function prepareUserdata(stage: string, state: string, folder: string, { config }: Config, manifest: Manifest): number {
  const kinds = new Set([...Object.keys(DEFAULT_POLICIES), ...Object.keys(config.kinds)]);
  const make = (kind: string): void => {
    const at = path.join(folder, kind);
    fs.mkdirSync(at, { recursive: true });
    own(at, attributesOf(path.join(config.userdata, kind)) ?? manifest.folders[kind] ?? attributesOf(folder));
  };
  make('.');
  for (const kind of kinds) if (manifest.folders[kind] !== undefined) make(kind);
  const kept = path.join(stage, 'userdata');
  if (fs.existsSync(kept)) fs.cpSync(kept, folder, { recursive: true });
  // What PHP has noted since of changes that it sent must not be forgotten, or it might send them again.
  const bridge = path.join(config.userdata, '.axle', 'bridge');
  if (fs.existsSync(bridge)) fs.cpSync(bridge, path.join(folder, '.axle', 'bridge'), { recursive: true });
  const unread = path.join(stage, 'unread');
  if (fs.existsSync(unread)) fs.cpSync(unread, path.join(folder, '.axle', 'conflicts', 'unread'), { recursive: true });
  const store = Store.open(path.join(state, 'state.db'));
  let files = 0;
  try {
    for (let after: number | undefined = 0; after !== undefined; ) {
      const rows: { id: number; name: string; shadow: string }[] = store.shadowsAfter(after, CHUNK);
      for (const { name, shadow } of rows) {
        const kind = name.slice(0, name.lastIndexOf('/'));
        if (!kinds.has(kind)) continue;
        if (manifest.folders[kind] === undefined && !fs.existsSync(path.join(folder, kind))) make(kind);
        writeLive(path.join(folder, documentFile(name)), shadow, path.join(config.userdata, documentFile(name)));
        files++;
      }
      after = rows.at(-1)?.id;
    }
  } finally {
    store.close();
  }
  adopt(folder, config.userdata);
  return files;
}

/** With owner and mode of the file that is there, else as its folder has it. */
function writeLive(file: string, text: string, before: string): void {
  fs.writeFileSync(file, text);
  const { uid, gid } = fs.statSync(path.dirname(file));
  own(file, attributesOf(before) ?? { uid, gid, mode: 0o664 });
}

/** What is neither folder of a kind nor document belongs to whom userdata belongs to, as far as nobody says otherwise. */
function adopt(folder: string, before: string): void {
  const { uid, gid } = fs.statSync(folder);
  const walk = (below: string): void => {
    for (const entry of fs.readdirSync(path.join(folder, below), { withFileTypes: true })) {
      const name = path.join(below, entry.name);
      if (entry.isDirectory()) walk(name);
      if (!entry.isDirectory() && !entry.isFile()) continue;
      const at = path.join(folder, name);
      const known = attributesOf(path.join(before, name));
      if (known !== undefined) own(at, known);
      else if (fs.statSync(at).uid === process.getuid?.() && uid !== process.getuid?.()) chown(at, uid, gid);
    }
  };
  walk('');
}

function attributesOf(file: string): Attributes | undefined {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  return stat && { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o7777 };
}

function own(file: string, attributes: Attributes | undefined): void {
  if (attributes === undefined) return;
  chown(file, attributes.uid, attributes.gid);
  fs.chmodSync(file, attributes.mode);
}

function chown(file: string, uid: number, gid: number): void {
  if (process.getuid?.() === 0) fs.chownSync(file, uid, gid);
}

/** The account of the state that is there, else `axle`. */
async function giveToDaemon(folder: string, { config }: Config): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const before = attributesOf(config.state);
  const account = before ?? (await accountOf('axle'));
  if (account === undefined) return;
  fs.chownSync(folder, account.uid, account.gid);
  if (before !== undefined) fs.chmodSync(folder, before.mode);
  for (const name of filesBelow(folder)) {
    fs.chownSync(path.join(folder, name), account.uid, account.gid);
    fs.chownSync(path.dirname(path.join(folder, name)), account.uid, account.gid);
  }
}

async function accountOf(name: string): Promise<{ uid: number; gid: number } | undefined> {
  const child = start('getent', ['passwd', name], { timeout_ms: 10_000 });
  const { code, stdout } = await child.exited;
  const [, , uid, gid] = stdout.split(':').map(Number);
  return code === 0 && uid !== undefined && gid !== undefined ? { uid, gid } : undefined;
}

/** Puts the new folder in the old one's place; returns where the old one is now. */
function swap(made: string, place: string, word: string): string | undefined {
  if (!fs.existsSync(place)) {
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.renameSync(made, place);
    return undefined;
  }
  const aside = `${place}.before-${word}`;
  fs.renameSync(place, aside);
  fs.renameSync(made, place);
  return aside;
}
