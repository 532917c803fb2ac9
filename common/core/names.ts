/**
 * Which files are documents, judged by name alone. `balances/1-andy` is the document in `userdata/balances/1-andy.txt`;
 * `balances` is its kind, which may be several folders deep (`balance-tiers/hourly`). Names from outside pass here
 * before they meet a path (I10).
 */

/** `<kind>/<file name without .txt>`, as tested by `isDocumentName`. */
export type DocumentName = string;

export const DOCUMENT_SUFFIX = '.txt';
/** Linux's NAME_MAX. The permitted characters are ASCII, so that characters are bytes. */
export const FILE_NAME_BYTES_MAX = 255;
export const KIND_BYTES_MAX = 128;
export const KIND_FOLDERS_MAX = 4;

// The first character keeps out dotfiles (.axle, .stfolder, .htaccess, rsync's .NAME.XXXXXX), '.', '..' and options
// ('-rf'). No slash, NUL, blank, tilde or anything beyond ASCII: one name has one spelling in every locale and encoding.
const WORD = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

// What sites leave beside their documents. Syncthing's copies come in two spellings, because the old scripts rewrote a
// '.' to '_' and so minted users named `1-andy_sync-conflict-…` (SITES.md, hazard 6).
const NOT_OURS = ['.backup', '.sync-conflict-', '_sync-conflict-'];

const NOT_A_KIND = new Set(['conflicts_archive']);

/** The document in the file `fileName` of the folder `kind`; undefined where that is no document. */
export function parseDocumentPath(kind: string, fileName: string): DocumentName | undefined {
  return isDocumentFile(fileName) && isKind(kind) ? `${kind}/${withoutSuffix(fileName)}` : undefined;
}

/** As `parseDocumentPath`, for loops over one folder: the kind has been judged already. */
export function isDocumentFile(fileName: string): boolean {
  return (
    fileName.endsWith(DOCUMENT_SUFFIX) &&
    fileName.length <= FILE_NAME_BYTES_MAX &&
    WORD.test(fileName) &&
    !NOT_OURS.some((part) => fileName.includes(part))
  );
}

export function isDocumentName(text: string): text is DocumentName {
  const slash = text.lastIndexOf('/');
  return slash > 0 && isKind(text.slice(0, slash)) && isDocumentFile(text.slice(slash + 1) + DOCUMENT_SUFFIX);
}

/** Folder words separated by single slashes, none at either end. */
export function isKind(text: string): boolean {
  if (text.length > KIND_BYTES_MAX) return false;
  const folders = text.split('/');
  return folders.length <= KIND_FOLDERS_MAX && folders.every((folder) => isKindFolder(folder));
}

/** The document's kind and file name. Throws RangeError where `name` is no document name. */
export function splitDocumentName(name: DocumentName): { readonly kind: string; readonly fileName: string } {
  if (!isDocumentName(name)) throw new RangeError(`not a document name: ${JSON.stringify(name)}`);
  const slash = name.lastIndexOf('/');
  return { kind: name.slice(0, slash), fileName: name.slice(slash + 1) + DOCUMENT_SUFFIX };
}

/** The document's path below `userdata/`. Throws RangeError where `name` is no document name: it never escapes. */
export function documentFile(name: DocumentName): string {
  const { kind, fileName } = splitDocumentName(name);
  return `${kind}/${fileName}`;
}

function isKindFolder(folder: string): boolean {
  return (
    WORD.test(folder) &&
    !folder.endsWith('.lock') &&
    !NOT_A_KIND.has(folder) &&
    !NOT_OURS.some((part) => folder.includes(part))
  );
}

function withoutSuffix(fileName: string): string {
  return fileName.slice(0, -DOCUMENT_SUFFIX.length);
}
