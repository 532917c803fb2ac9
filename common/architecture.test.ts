/**
 * The arrows between the folders, held by a test: core ← replica, link, runtime ← site ← hub, spoke ← cli; sidecar and
 * miner stand beside hub and spoke. core is pure: it imports itself and npm packages that are pure too.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

const COMMON = ['core', 'runtime', 'replica', 'link'];

/** Folder → the folders that it may import from, itself always included. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  runtime: ['core'],
  replica: ['core', 'runtime'],
  // Cursors and batches are the replica's: a link carries what the store holds.
  link: ['core', 'runtime', 'replica'],
  // Replica and links put together: what hub and spoke have in common.
  site: COMMON,
  // The sidecar runs in their process.
  hub: [...COMMON, 'site', 'sidecar', 'page'],
  spoke: [...COMMON, 'site', 'sidecar', 'page'],
  sidecar: COMMON,
  // The operator's page, in their process too.
  page: [...COMMON, 'site'],
  miner: COMMON,
  // Talks to hosts over ssh; nothing of a daemon's runs in it.
  deploy: ['core', 'runtime', 'link', 'replica'],
  cli: [...COMMON, 'site', 'hub', 'spoke', 'sidecar', 'page', 'miner', 'deploy'],
  testing: [...COMMON, 'site'],
  // In browsers, where of all this only core could run.
  client: ['core'],
  'php-bridge': COMMON,
  bench: [...COMMON, 'site', 'e2e', 'testing', 'hub', 'spoke', 'sidecar', 'miner', 'cli'],
  e2e: [
    ...COMMON,
    'site',
    'testing',
    'hub',
    'spoke',
    'sidecar',
    'page',
    'miner',
    'cli',
    'deploy',
    'bench',
    'client',
    'php-bridge',
  ],
};

/** What tests may import beyond that: whom their folder speaks to over HTTP. */
const ARROWS_OF_TESTS: Readonly<Record<string, readonly string[]>> = { client: ['sidecar'], 'php-bridge': ['sidecar'] };

/** npm packages that touch no clock, no disk and no network. */
const PURE_PACKAGES = ['big.js'];

/** Everything wrong with one file's imports; `path` is relative to the root, with slashes. */
function violations(path: string, source: string): string[] {
  const folder = folderOf(path);
  const isTest = path.endsWith('.test.ts') || path.includes('/testing/');
  return importsOf(source).flatMap((specifier) => {
    const wrong = (why: string) => [`${path}: ${specifier}: ${why}`];
    if (!specifier.startsWith('.')) {
      if (folder !== 'core' || isTest || PURE_PACKAGES.includes(specifier)) return [];
      return wrong('core is pure');
    }
    const target = folderOf(posix.join(posix.dirname(path), specifier));
    if (target === folder || (isTest && target === 'testing')) return [];
    if (isTest && ARROWS_OF_TESTS[folder]?.includes(target)) return [];
    // This file, and what else stands beside the folders, is no part of the architecture.
    if (!(folder in ARROWS)) return [];
    if (target === 'testing' && !ARROWS[folder]?.includes('testing')) return wrong('testing is for tests');
    return ARROWS[folder]?.includes(target) ? [] : wrong(`${folder} must not import ${target}`);
  });
}

function folderOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  return first === 'common' ? second : first;
}

/** Of imports, re-exports, imports of types and dynamic imports of a literal. */
function importsOf(source: string): string[] {
  const forms = /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g;
  return [...source.matchAll(forms)].map((match) => match[1] ?? match[2] ?? '');
}

function sourceFiles(): string[] {
  const top = new Set(['common', ...Object.keys(ARROWS)]);
  return readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && top.has(entry.name))
    .flatMap(({ name }) =>
      readdirSync(join(ROOT, name), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts') && !path.includes('node_modules'))
        .map((path) => `${name}/${path}`),
    );
}

describe('the arrows', () => {
  it('point one way in every source file', () => {
    const files = sourceFiles();
    expect(files.length).toBeGreaterThan(20);
    expect(files.flatMap((path) => violations(path, readFileSync(join(ROOT, path), 'utf8')))).toEqual([]);
  });

  it.each([
    ['core uses Node', 'common/core/a.ts', "import { readFileSync } from 'node:fs';"],
    ['core uses a package with effects', 'common/core/a.ts', "import Database from 'better-sqlite3';"],
    ['core uses the engine', 'common/core/a.ts', "import { x } from '../replica/store.js';"],
    ['an import over several lines', 'common/core/a.ts', "import {\n  x,\n  y,\n} from '../replica/store.js';"],
    ['a type', 'common/core/a.ts', "import type { X } from '../runtime/log.js';"],
    ['a re-export', 'common/core/a.ts', "export * from '../runtime/log.js';"],
    ['a dynamic import', 'common/core/a.ts', "const fs = await import('node:fs');"],
    ['an import for its effect', 'common/core/a.ts', "import 'node:fs';"],
    ['replica uses link', 'common/replica/a.ts', "import { x } from '../link/transport.js';"],
    ['runtime uses link', 'common/runtime/a.ts', "import { x } from '../link/transport.js';"],
    ['common uses the hub', 'common/replica/a.ts', "import { x } from '../../hub/main.js';"],
    ['the hub uses the spoke', 'hub/a.ts', "import { x } from '../spoke/main.js';"],
    ['fakes outside of tests', 'hub/a.ts', "import { x } from '../common/testing/clock.js';"],
  ])('would be seen to be broken: %s', (_name, path, source) => {
    expect(violations(path, source)).toHaveLength(1);
  });

  it.each([
    ['common/core/a.ts', "import Big from 'big.js';\nimport { x } from './b.js';"],
    ['common/core/a.test.ts', "import { readFileSync } from 'node:fs';\nimport { x } from '../testing/samples.js';"],
    ['common/replica/a.ts', "import { x } from '../core/b.js';\nimport { y } from '../runtime/log.js';"],
    ['cli/commands/hub.ts', "import { runHub } from '../../hub/main.js';"],
  ])('allow what is allowed: %s', (path, source) => {
    expect(violations(path, source)).toEqual([]);
  });
});
