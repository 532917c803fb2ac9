/**
 * Names of batch files: `0000000000000042-roflfaucet~9f3a61c2-k3x9.batch`: a sequence of 16 digits (so that names sort in
 * the order of sending), the sending replica's id, and a suffix that makes the name unique for ever.
 *
 * The pattern is the gate for every name that comes from outside: no slash, no leading dot or dash, no white space, no
 * character that any tool on the way treats as special.
 */
export const BATCH_NAME = /^[0-9]{16}-[a-z0-9][a-z0-9-]{0,62}~[0-9a-f]{8}-[0-9a-z]{1,12}\.batch$/;

/** 16 + 1 + 63 + 1 + 8 + 1 + 12 + 6. rsync's temporary names add 8, and a file system allows 255. */
export const BATCH_NAME_LENGTH_MAX = 108;

export function isBatchName(name: string): boolean {
  // `$` without the m flag matches only at the very end in JavaScript, so a trailing newline does not pass.
  return name.length <= BATCH_NAME_LENGTH_MAX && BATCH_NAME.test(name);
}
