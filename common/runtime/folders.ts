/** Folders that a config names, made with what leads to them. */
import fs from 'node:fs';
import path from 'node:path';

/**
 * As `mkdirSync` with `recursive`, which never ends below /proc (Node 20 tries again for ever where a folder is there and
 * takes none), and calls a read-only disk ENOENT. `mode`: of all that are made. Returns whether any was. Throws errors with
 * code and hint for an operator where the place is none for folders.
 */
export function makeFolders(folder: string, mode = 0o777): boolean {
  const place = path.resolve(folder);
  if (isFolder(place)) return false;
  const parent = path.dirname(place);
  if (parent !== place) makeFolders(parent, mode);
  try {
    fs.mkdirSync(place, { mode });
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // Another process was faster.
    if (code === 'EEXIST' && isFolder(place)) return false;
    if (!['ENOENT', 'ENOTDIR', 'EEXIST', 'EINVAL', 'EOPNOTSUPP'].includes(code)) throw error;
    const why = code === 'EEXIST' ? 'there is something else' : `${parent} takes no folders`;
    throw Object.assign(new Error(`${place} cannot be made: ${why} (${code})`, { cause: error }), {
      code: 'AXL-FOLDER',
      hint: 'name another place in the config, or make the folder by hand',
    });
  }
}

function isFolder(place: string): boolean {
  try {
    return fs.statSync(place).isDirectory();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR'].includes(code)) return false;
    throw error;
  }
}
