/** `axle token` on a real config and a real file. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readTokens, Tokens } from '../../common/runtime/tokens.js';
import { SIDECAR_TOKENS } from '../../sidecar/access/tokens.js';
import { buildProgram, runProgram } from '../program.js';

let folder: string;
let config: string;
let file: string;
let shown = '';
let told = '';
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-token-'));
  config = path.join(folder, 'spoke.yaml');
  file = path.join(folder, 'tokens.json');
  fs.mkdirSync(path.join(folder, 'userdata'));
  fs.writeFileSync(
    config,
    `site: roflfaucet\nuserdata: ${folder}/userdata\nhub: { site: hub, link: { type: folder, inbox: ${folder}/x } }\nsidecar: { tokens: ${file} }\n`,
  );
  shown = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    shown += String(text);
    return true;
  });
  told = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    told += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(folder, { recursive: true, force: true });
});

const axle = (...args: string[]): Promise<number> =>
  runProgram(buildProgram(), ['node', 'axle', 'token', ...args, '--config', config]);
const find = (token: string) =>
  new Tokens(
    file,
    SIDECAR_TOKENS,
    () => 0,
    () => {},
  ).find(token);

describe('axle token', () => {
  it('add shows a token once and keeps its hash alone, in a file that others cannot read', async () => {
    expect(await axle('add', 'php', '--scope', 'balances:read', 'profiles')).toBe(0);
    const token = shown.trim();
    expect(token).toMatch(/^axle_[\w-]{43}$/);
    expect(fs.statSync(file).mode & 0o777).toBe(0o640);
    expect(fs.readFileSync(file, 'utf8')).not.toContain(token);
    expect(find(token)).toMatchObject({ name: 'php', scopes: ['balances:read', 'profiles'] });
    expect(await axle('add', 'php')).toBe(2);
    expect(told).toContain('axle token rotate php');
    expect(told).not.toMatch(/another name/);
  });

  it.skipIf(process.getuid?.() !== 0)('made by root, the file belongs to whom its folder belongs to', async () => {
    fs.chownSync(folder, 33, 34);
    await axle('add', 'php');
    expect(fs.statSync(file)).toMatchObject({ uid: 33, gid: 34 });
  });

  it('rotate gives another secret under the same name, and the former one counts until revoke ends it', async () => {
    await axle('add', 'php', '--scope', 'balances:read', 'profiles');
    const former = shown.trim();
    shown = '';
    expect(await axle('rotate', 'php')).toBe(0);
    const token = shown.trim();
    expect(token).toMatch(/^axle_[\w-]{43}$/);
    expect(told).toContain('axle token revoke php');
    for (const secret of [former, token])
      expect(find(secret)).toMatchObject({ name: 'php', scopes: ['balances:read', 'profiles'] });
    shown = '';
    await axle('list');
    expect(shown).toMatch(/^php .*\(older.*\)\nphp [^(]*\n$/);
    expect(await axle('rotate', 'php')).toBe(2);
    expect(await axle('revoke', 'php')).toBe(0);
    expect([find(former), find(token)?.name]).toEqual([undefined, 'php']);
    expect(await axle('revoke', 'php')).toBe(2);
    expect(await axle('rotate', 'nobody')).toBe(2);
  });

  it('remove ends both secrets of a name, and none of another', async () => {
    for (const args of [
      ['add', 'php'],
      ['add', 'reader'],
      ['rotate', 'php'],
    ])
      expect([args, await axle(...args)]).toEqual([args, 0]);
    expect(await axle('remove', 'php')).toBe(0);
    expect(readTokens(file, SIDECAR_TOKENS).map(({ name }) => name)).toEqual(['reader']);
  });

  it('list names them, remove ends them', async () => {
    await axle('add', 'php');
    await axle('add', 'miner-agent', '--scope', 'miner-credits');
    const secrets = shown;
    shown = '';
    await axle('list');
    expect(shown).toMatch(/^php .*balances:write.*\nminer-agent .*miner-credits\n$/);
    for (const secret of secrets.trim().split('\n')) expect(shown).not.toContain(secret);
    expect(await axle('remove', 'php')).toBe(0);
    expect(readTokens(file, SIDECAR_TOKENS).map(({ name }) => name)).toEqual(['miner-agent']);
    expect(await axle('remove', 'php')).toBe(2);
    expect(await axle('add', '../x')).toBe(2);
  });
});

describe('the documented way of a token into a file', () => {
  const DOCS = path.join(import.meta.dirname, '../../docs/MINERS.md');
  const [, block = ''] = /```sh\n([^`]*axle token add miner-agent[^`]*)```/.exec(fs.readFileSync(DOCS, 'utf8')) ?? [];
  /** With `axle` as a script, and what the file holds then. */
  const run = (script: string): string => {
    const target = path.join(folder, 'miner.token');
    fs.writeFileSync(target, 'axle_former\n');
    fs.writeFileSync(path.join(folder, 'axle'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const lines = block.replaceAll('/etc/axle/miner.token', target).replace(' -g axle', '');
    spawnSync('sh', ['-c', lines], { env: { PATH: `${folder}:${process.env.PATH}` }, timeout: 10_000 });
    return fs.readFileSync(target, 'utf8');
  };

  it('leaves the file as it was where the command refuses', () => {
    expect(run('exit 2')).toBe('axle_former\n');
    expect(run('echo axle_new')).toBe('axle_new\n');
    expect(fs.statSync(path.join(folder, 'miner.token')).mode & 0o777).toBe(0o640);
  });
});
