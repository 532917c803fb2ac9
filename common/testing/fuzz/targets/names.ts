/** Document names and paths: whatever a name is, it never throws, and what is accepted stays inside its folder (I10). */
import assert from 'node:assert/strict';
import path from 'node:path';
import fc from 'fast-check';
import { documentFile, isDocumentFile, isDocumentName, isKind, parseDocumentPath } from '../../../core/names.js';
import { mutatedText } from '../../mutations.js';
import type { Target } from '../target.js';

const piece = fc.constantFrom(
  ...['balances', 'profiles', '1-andy', '..', '.', '/', '//', '\\', '%2f', '\0', '\n', '.txt', '.lock', '.backup', '~'],
  ...['.sync-conflict-1', '-rf', '$(x)', ' ', '\u202e', '\u00e9', '.axle', 'conflicts_archive', 'a'.repeat(300), 'con'],
);

type Input = { readonly kind: string; readonly file: string };

const word = fc.oneof(
  fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('')),
  mutatedText(fc.constantFrom('balances', 'balance-tiers/hourly', '1-andy.txt', 'profiles/3-bob', 'tokens/abc.txt')),
  fc.string({ maxLength: 20, unit: 'binary' }),
);

export const names: Target<Input> = {
  name: 'names and paths',
  share: 330,
  input: fc.record({
    kind: fc.oneof(fc.constantFrom('balances', 'profiles', 'balance-tiers/hourly'), word),
    file: fc.oneof(mutatedText(fc.constantFrom('1-andy.txt', '3-bob.backup.txt', 'a.b_c-9.txt')), word),
  }),
  open: () => ({
    run: ({ kind, file }) => {
      const name = parseDocumentPath(kind, file);
      assert.equal(name !== undefined, isKind(kind) && isDocumentFile(file));
      for (const one of [name ?? '', `${kind}/${file}`, kind, file]) if (isDocumentName(one)) staysInside(one);
      return name !== undefined;
    },
  }),
};

function staysInside(name: string): void {
  const file = path.join('/userdata', documentFile(name));
  assert.match(file, /^\/userdata(?:\/[A-Za-z0-9][A-Za-z0-9._-]*){2,}\.txt$/);
  assert.equal(path.normalize(file), file);
  assert.equal(file, `/userdata/${name}.txt`);
}
