/** `axle token` on a real config and a real file. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readTokens, Tokens } from '../../sidecar/access/tokens.js';
import { buildProgram, runProgram } from '../program.js';

let folder: string;
let config: string;
let file: string;
let shown = '';
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
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
});
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(folder, { recursive: true, force: true });
});

const axle = (...args: string[]): Promise<number> =>
  runProgram(buildProgram(), ['node', 'axle', 'token', ...args, '--config', config]);

describe('axle token', () => {
  it('add shows a token once and keeps its hash alone, in a file that others cannot read', async () => {
    expect(await axle('add', 'php', '--scope', 'balances:read', 'profiles')).toBe(0);
    const token = shown.trim();
    expect(token).toMatch(/^axle_[\w-]{43}$/);
    expect(fs.statSync(file).mode & 0o777).toBe(0o640);
    expect(fs.readFileSync(file, 'utf8')).not.toContain(token);
    const tokens = new Tokens(
      file,
      () => 0,
      () => {},
    );
    expect(tokens.find(token)).toMatchObject({ name: 'php', scopes: ['balances:read', 'profiles'] });
    expect(await axle('add', 'php')).toBe(2);
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
    expect(readTokens(file).map(({ name }) => name)).toEqual(['miner-agent']);
    expect(await axle('remove', 'php')).toBe(2);
    expect(await axle('add', '../x')).toBe(2);
  });
});
