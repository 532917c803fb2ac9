/** Puts one imported file in its place: under the lock that all writers share, and only if nothing has changed since the look. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Attributes, LiveFiles } from '../../common/replica/live-files.js';
import { lockDocuments } from '../../common/replica/locks.js';

/** `expected`: fingerprint of the live file that is to be replaced; undefined: there must be none. False: that has changed. */
export async function putInPlace(
  files: LiveFiles,
  document: string,
  text: string,
  expected: string | undefined,
  created: Partial<Attributes>,
): Promise<boolean> {
  const file = files.pathOf(document);
  const folder = path.dirname(file);
  // Hidden, so that it is nobody's document.
  const temp = path.join(folder, `.axle-import-${randomBytes(6).toString('hex')}`);
  const { uid, gid } = fs.statSync(folder);
  const like = files.attributes(document) ?? { uid, gid, mode: 0o664, ...created };
  const fd = fs.openSync(temp, 'wx', 0o600);
  try {
    fs.writeFileSync(fd, text);
    if (process.getuid?.() === 0) fs.fchownSync(fd, like.uid, like.gid);
    fs.fchmodSync(fd, like.mode);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
  const release = await lockDocuments(files.own, [document]);
  try {
    if (expected === undefined) return linked(temp, file);
    if (files.print(document) !== expected) return false;
    fs.renameSync(temp, file);
    return true;
  } finally {
    await release();
    fs.rmSync(temp, { force: true });
  }
}

/** Never replaces a file that has appeared meanwhile. */
function linked(temp: string, file: string): boolean {
  try {
    fs.linkSync(temp, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
