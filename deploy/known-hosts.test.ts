import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addKnownKey, fingerprint, knownKeys, typeOf } from './known-hosts.js';

describe('known host keys', () => {
  let folder: string;
  let file: string;
  let key: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'axle-known-'));
    file = join(folder, 'known_hosts');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
    key = readFileSync(join(folder, 'key.pub'), 'utf8').split(' ')[1] ?? '';
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('of a file that is not there are none', async () => {
    expect((await knownKeys(join(folder, 'none'), 'a.example', 22)).trusted.size).toBe(0);
  });

  it('are found by name and port, also where names are hashed', async () => {
    addKnownKey(file, 'a.example', 22, Buffer.from(key, 'base64'));
    addKnownKey(file, 'b.example', 2222, Buffer.from(key, 'base64'));
    for (const _ of ['plain', 'hashed']) {
      expect(await knownKeys(file, 'a.example', 22)).toMatchObject({ trusted: new Set([key]), types: ['ssh-ed25519'] });
      expect((await knownKeys(file, 'b.example', 2222)).trusted.has(key)).toBe(true);
      expect((await knownKeys(file, 'b.example', 22)).trusted.size).toBe(0);
      execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
    }
  });

  it('that are revoked are known as such', async () => {
    writeFileSync(file, '');
    appendFileSync(file, `@revoked a.example ssh-ed25519 ${key}\n@cert-authority a.example ssh-ed25519 ${key}\n`);
    const { trusted, revoked } = await knownKeys(file, 'a.example', 22);
    expect([trusted.size, revoked.has(key)]).toEqual([0, true]);
  });

  it('are shown as ssh shows them', () => {
    const shown = execFileSync('ssh-keygen', ['-lf', join(folder, 'key.pub')], { encoding: 'utf8' });
    expect(shown).toContain(` ${fingerprint(Buffer.from(key, 'base64'))} `);
    expect(typeOf(Buffer.from(key, 'base64'))).toBe('ssh-ed25519');
  });
});
