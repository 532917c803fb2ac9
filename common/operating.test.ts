/** The handbook and the sources name the same codes: none that an operator cannot look up, none that nobody says any more. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const FOLDERS = ['common', 'hub', 'spoke', 'sidecar', 'cli', 'deploy', 'miner', 'client', 'php-bridge'];
const handbook = readFileSync(join(ROOT, 'docs/OPERATING.md'), 'utf8');

function sources(): string[] {
  const present = new Set(readdirSync(ROOT));
  return FOLDERS.filter((folder) => present.has(folder)).flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|mjs|php)$/.test(path))
      .filter((path) => !/\.test\.ts$|(^|\/)(testing|tests|node_modules|vendor)\//.test(`${folder}/${path}`))
      .map((path) => readFileSync(join(ROOT, folder, path), 'utf8')),
  );
}

/** Of the held reasons, which are put behind `AXL-HELD-`. */
const HELD = ['ZERO', 'STUB', 'DECREASES', 'DELETES'].map((reason) => `AXL-HELD-${reason}`);

const rowsOf = (pattern: RegExp): string[] => [...handbook.matchAll(pattern)].map(([, code = '']) => code);

describe('docs/OPERATING.md', () => {
  it('has every code of the sources in its table, once and in order, and no other', () => {
    const said = sources().flatMap((text) =>
      [...text.matchAll(/\bAXL-[A-Z0-9]+(?:-[A-Z0-9]+)*\b(?!-)/g)].map(([code]) => code),
    );
    expect(rowsOf(/^\| (AXL-[A-Z0-9-]+) \|/gm)).toEqual([...new Set([...said, ...HELD])].sort());
  });

  it('says what to do for every way in which a peer can be down', () => {
    const text = readFileSync(join(ROOT, 'common/link/rsync-exit.ts'), 'utf8');
    const union = text.slice(text.indexOf('export type FailureCode'), text.indexOf('type Row'));
    const codes = [...union.matchAll(/\| '([a-z-]+)'/g)].map(([, code = '']) => code);
    expect(codes.length).toBeGreaterThan(20);
    const section = handbook.slice(handbook.indexOf('## When a peer is down'), handbook.indexOf('## Add a site'));
    const rows = [...section.matchAll(/^\| ([a-z-]+) \| \S/gm)].map(([, code = '']) => code);
    expect(rows.filter((code) => code !== 'code').sort()).toEqual(codes.sort());
  });

  it('leads to places that are there', () => {
    const anchors = rowsOf(/^#+ (.+)$/gm).map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
    const links = rowsOf(/\]\(#([^)]+)\)/g);
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter((link) => !anchors.includes(link))).toEqual([]);
  });
});
