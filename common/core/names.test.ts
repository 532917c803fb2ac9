import { describe, expect, it, test } from 'vitest';
import {
  documentFile,
  FILE_NAME_BYTES_MAX,
  isDocumentFile,
  isDocumentName,
  isKind,
  KIND_BYTES_MAX,
  parseDocumentPath,
  splitDocumentName,
} from './names.js';

const DOCUMENTS = [
  '1-andy.txt',
  '3-lightninglova-r.txt',
  'test-user-999.txt',
  'test-999.txt',
  '11.txt',
  'a.txt',
  'A.txt',
  '7-old.txt',
  '1-a.b_c-d.txt',
  '1-a..b.txt',
  '1-a.txt.txt',
  // Whoever is really called so keeps his balance: only the endings and marks of SITES.md are excluded.
  '5-backup.txt',
  '5-lock.txt',
  '5-a.lock.txt',
  '5-sync-conflict.txt',
  `${'x'.repeat(FILE_NAME_BYTES_MAX - 4)}.txt`,
];

const NOT_DOCUMENTS: readonly (readonly [why: string, fileName: string])[] = [
  ['empty', ''],
  ['only the suffix', '.txt'],
  ['no suffix', '1-andy'],
  ['suffix in capitals', '1-andy.TXT'],
  ['another suffix', '1-andy.json'],
  ['suffix without dot', '1-andytxt'],
  ['lock of PHP flock', '1-andy.txt.lock'],
  ['lock', '1-andy.lock'],
  ['backup', '1-andy.txt.backup'],
  ['backup with a date', '1-andy.txt.backup-2025-10-01.txt'],
  ['backup before the suffix', '1-andy.backup.txt'],
  ['backup with a number', '1-andy.backup2.txt'],
  ['Syncthing conflict', '1-andy.sync-conflict-20251001-120000-ABCDEFG.txt'],
  ['Syncthing conflict, rewritten', '1-andy_sync-conflict-20251001-120000-ABCDEFG.txt'],
  ['hidden', '.1-andy.txt'],
  ['Syncthing folder mark', '.stfolder'],
  ['Apache', '.htaccess'],
  ['rsync temp', '.1-andy.txt.a8Xk2P'],
  ['Syncthing temp', '.syncthing.1-andy.txt.tmp'],
  ['PHP temp', '1-andy.txt.tmp'],
  ['editor backup', '1-andy.txt~'],
  ['vim swap', '.1-andy.txt.swp'],
  ['emacs autosave', '#1-andy.txt#'],
  ['our probe', '.axle-probe'],
  ['this folder', '.'],
  ['parent folder', '..'],
  ['path escape', '../1-andy.txt'],
  ['deep path escape', '../../etc/passwd.txt'],
  ['absolute', '/etc/1-andy.txt'],
  ['a folder inside', 'x/1-andy.txt'],
  ['backslash', '..\\1-andy.txt'],
  ['NUL', '1-andy\0.txt'],
  ['NUL after the suffix', '1-andy.txt\0'],
  ['newline', '1-andy\n.txt'],
  ['newline at the end', '1-andy.txt\n'],
  ['blank', '1 andy.txt'],
  ['option', '-rf.txt'],
  ['underscore first', '_1-andy.txt'],
  ['shell', '1-$(id).txt'],
  ['semicolon', '1-a;id.txt'],
  ['glob', '*.txt'],
  ['percent', '1-a%2e.txt'],
  ['colon', '1:a.txt'],
  ['accent, composed', '1-andr\u00e9.txt'],
  ['accent, combining', '1-andre\u0301.txt'],
  ['Cyrillic a', '1-\u0430ndy.txt'],
  ['digits that are not ASCII', '\u0661-andy.txt'],
  ['right-to-left mark', '1-andy\u202etxt.txt'],
  ['Kelvin sign', '\u212a.txt'],
  ['lone surrogate', '1-\ud800.txt'],
  ['replacement character of a name that is not UTF-8', '1-\ufffd.txt'],
  ['256 bytes', `${'x'.repeat(FILE_NAME_BYTES_MAX - 3)}.txt`],
];

describe('document files', () => {
  test.each(DOCUMENTS)('%s is a document', (fileName) => {
    const name = parseDocumentPath('balances', fileName);
    expect(name).toBe(`balances/${fileName.slice(0, -4)}`);
    expect(isDocumentName(name as string)).toBe(true);
    expect(documentFile(name as string)).toBe(`balances/${fileName}`);
    expect(splitDocumentName(name as string)).toEqual({ kind: 'balances', fileName });
  });

  test.each(NOT_DOCUMENTS)('I6, I10: %s is none: %j', (_why, fileName) => {
    expect(parseDocumentPath('balances', fileName)).toBeUndefined();
    expect(isDocumentFile(fileName)).toBe(false);
  });

  it('keeps names apart that differ in case only', () => {
    expect(parseDocumentPath('balances', '1-Andy.txt')).not.toBe(parseDocumentPath('balances', '1-andy.txt'));
  });
});

describe('kinds', () => {
  test.each(['balances', 'profiles', 'tokens', 'inbox', 'balance-tiers/hourly', 'a/b/c/d', 'x'.repeat(KIND_BYTES_MAX)])(
    '%s is a kind',
    (kind) => {
      expect(isKind(kind)).toBe(true);
      expect(parseDocumentPath(kind, '1-a.txt')).toBe(`${kind}/1-a`);
    },
  );

  test.each([
    '',
    '/',
    '.',
    '..',
    '.axle',
    '.axle/tmp',
    '.stfolder',
    'conflicts_archive',
    'balances/conflicts_archive',
    'balances/',
    '/balances',
    'a//b',
    'a/../b',
    'a/./b',
    '../balances',
    'balances/..',
    'balances\0',
    'balances\n',
    'bal ances',
    'b\u0430lances',
    'balances.lock',
    'balances.backup-1',
    'balances.sync-conflict-1',
    'a/b/c/d/e',
    'x'.repeat(KIND_BYTES_MAX + 1),
  ])('I10: %j is none', (kind) => {
    expect(isKind(kind)).toBe(false);
    expect(parseDocumentPath(kind, '1-a.txt')).toBeUndefined();
  });
});

describe('document names', () => {
  test.each(['balances/1-andy', 'balance-tiers/hourly/1-andy', 'balances/1-a.txt'])('%s is one', (name) => {
    expect(isDocumentName(name)).toBe(true);
    expect(documentFile(name)).toBe(`${name}.txt`);
  });

  test.each([
    '',
    'andy',
    '/andy',
    'balances/',
    'balances/../profiles/1-a',
    '../balances/1-a',
    'balances/.1-a',
    'balances/1-a\0',
    'balances/1-a.backup',
    'balances/1-a.sync-conflict-1',
    '.axle/1-a',
    `balances/${'x'.repeat(FILE_NAME_BYTES_MAX - 3)}`,
  ])('I10: %j is none, and has no file', (name) => {
    expect(isDocumentName(name)).toBe(false);
    expect(() => documentFile(name)).toThrow(RangeError);
  });
});
