/**
 * The snapshot as a document: a file among those that a spoke on this machine keeps in step. The spoke and the hub must have
 * the kind `fleet` in their configs (`kinds: { fleet: {} }`).
 *
 * The file is a list with one snapshot in it. Of an object each value would be a register of its own, with a stamp, and one
 * with more than 20,000 values is refused; what is no object is one value, kept as it stands, and the later one wins.
 */
import fs from 'node:fs';
import path from 'node:path';
import { documentFile } from '../../common/core/names.js';

export const KIND = 'fleet';

export class HubFileError extends Error {
  override readonly name = 'HubFileError';

  constructor(
    message: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A snapshot's text as the document holds it. */
export function hubText(snapshot: string): string {
  return `[${snapshot.trimEnd()}]\n`;
}

/**
 * Puts `text` in the place of the document's file, whole or not at all. Without the document's lock, which is for those who
 * read before they write: so the agent needs a right to this one folder only. Rejects with `HubFileError`.
 */
export async function writeHubFile(userdata: string, name: string, text: string): Promise<void> {
  const file = path.join(userdata, documentFile(`${KIND}/${name}`));
  const folder = path.dirname(file);
  try {
    if (!isFolder(path.join(userdata, '.axle')))
      throw new HubFileError(
        `${userdata} is no folder that a spoke works on`,
        'start the spoke of this machine once, and let relay.hub.userdata be its userdata',
      );
    if (!isFolder(folder)) fs.mkdirSync(folder, { mode: 0o775 });
    // One name, so that a crash leaves one file at most; the dot keeps it from being a document.
    const temp = path.join(folder, `.${name}.axle-tmp`);
    fs.rmSync(temp, { force: true });
    const handle = await fs.promises.open(temp, 'wx', 0o664);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    fs.renameSync(temp, file);
    await syncFolder(folder);
  } catch (error) {
    throw error instanceof HubFileError ? error : explained(error as NodeJS.ErrnoException, folder);
  }
}

/** A real one: a symbolic link may lead anywhere. */
function isFolder(folder: string): boolean {
  return fs.lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.promises.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function explained(error: NodeJS.ErrnoException, folder: string): HubFileError {
  const hints: Readonly<Record<string, string>> = {
    EACCES: `make the folder the agent's: chown axle ${folder}`,
    EPERM: `make the folder the agent's: chown axle ${folder}`,
    ENOSPC: 'make room on the disk',
    EROFS:
      'under systemd the unit must open the folder (axle check-config --drop-in miner.yaml); or the disk is mounted read-only',
    EEXIST: `${folder} must be a folder`,
  };
  return new HubFileError(error.message, hints[error.code ?? ''] ?? 'it is tried again', { cause: error });
}
