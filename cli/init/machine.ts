/** What this machine says about the site that is to run on it. */
import fs from 'node:fs';
import path from 'node:path';
import { start } from '../../common/runtime/spawn.js';

/** Sites whose data lies where the sites have always had it: `/var/<site>-data/userdata`. */
export function sitesHere(root = '/var'): string[] {
  return fs
    .readdirSync(root)
    .flatMap((name) => /^([a-z0-9][a-z0-9-]*)-data$/.exec(name)?.[1] ?? [])
    .filter((site) => fs.existsSync(path.join(root, `${site}-data`, 'userdata')));
}

export type Account = { readonly name: string; readonly uid: number; readonly gid: number };

/** The account of the site's PHP: the owner of userdata, else one that web servers run under. */
export async function phpAccount(userdata: string): Promise<(Account & { readonly group: string }) | undefined> {
  const { uid } = fs.statSync(userdata);
  for (const name of uid === 0 ? ['www-data', 'apache', 'nginx'] : [String(uid)]) {
    const found = await account(name);
    if (found !== undefined) return { ...found, group: (await groupName(found.gid)) ?? found.name };
  }
  return undefined;
}

export async function account(nameOrUid: string): Promise<Account | undefined> {
  const [name = '', , uid, gid] = await entry('passwd', nameOrUid);
  return name === '' ? undefined : { name, uid: Number(uid), gid: Number(gid) };
}

async function groupName(gid: number): Promise<string | undefined> {
  return (await entry('group', String(gid)))[0];
}

const LOOKUP_MS = 10_000;

async function entry(database: 'passwd' | 'group', key: string): Promise<string[]> {
  const { code, stdout } = await start('getent', [database, key], { timeout_ms: LOOKUP_MS }).exited;
  return code === 0 ? stdout.trim().split(':') : [];
}

/** Makes the key unless it is there. True where it was made. */
export async function makeKey(file: string, comment: string): Promise<boolean> {
  if (fs.existsSync(file)) return false;
  fs.mkdirSync(path.dirname(path.dirname(file)), { recursive: true });
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const child = start('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file], {
    timeout_ms: LOOKUP_MS,
  });
  child.end();
  const { code, stderr, failedToStart } = await child.exited;
  if (code !== 0) throw new Error(`ssh-keygen failed: ${failedToStart ?? stderr.trim()}`);
  return true;
}
