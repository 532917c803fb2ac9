/** `axle completion`, asked by the shells themselves where they are here. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodesOf, treeOf } from '../completion/tree.js';
import { buildProgram } from '../program.js';
import { axle } from '../testing/lab.js';

let dir = '';

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-completion-'));
  for (const shell of ['bash', 'zsh', 'fish'])
    fs.writeFileSync(path.join(dir, shell), (await axle('completion', shell)).out);
  fs.writeFileSync(path.join(dir, 'spoke.yaml'), '');
});
afterAll(() => fs.rmSync(dir, { recursive: true }));

/** What bash would offer for the last of these words. */
function complete(...words: string[]): string[] {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: bash's own.
  const offers = 'printf "%s\\n" "${COMPREPLY[@]}"';
  const script = `source ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _axle; ${offers}`;
  const said = execFileSync('bash', ['--norc', '-c', script, 'bash', 'axle', ...words], { cwd: dir, encoding: 'utf8' });
  return said.split('\n').filter(Boolean);
}

describe('axle completion', () => {
  it('offers commands, groups, options, words and files in bash', () => {
    expect(complete('st')).toEqual(['status']);
    expect(complete('')).toEqual(expect.arrayContaining(['hub', 'doctor', 'held', 'completion', 'import']));
    expect(complete('held', '')).toEqual(['list', 'show', 'approve', 'reject']);
    expect(complete('held', 'sh')).toEqual(['show']);
    expect(complete('status', '--w')).toEqual(['--watch']);
    expect(complete('status', '--config', 'sp')).toEqual(['spoke.yaml']);
    expect(complete('held', '--config', 'spoke.yaml', 'list', '--j')).toEqual(['--json']);
    expect(complete('hub', '--log-format', 'j')).toEqual(['journal', 'json']);
    expect(complete('completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect(complete('init', '')).toEqual(['hub', 'spoke']);
    expect(complete('tail', '--since', '')).toEqual([]);
    expect(complete('hub', '--exit')).toEqual([]);
  });

  it.each(['bash', 'zsh', 'fish'])('is good %s, as far as that shell is here', (shell) => {
    const checked = spawnSync(shell, ['-n', path.join(dir, shell)], { encoding: 'utf8' });
    if (checked.error) return;
    expect(checked.stderr).toBe('');
    expect(checked.status).toBe(0);
  });

  it('names every command in each script', () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const script = fs.readFileSync(path.join(dir, shell), 'utf8');
      for (const { name } of nodesOf(treeOf(buildProgram()))) expect(script).toContain(name);
    }
  });

  it('refuses a shell that it does not know', async () => {
    expect((await axle('completion', 'tcsh')).code).toBe(2);
  });
});

describe('every command', () => {
  const tree = [...nodesOf(treeOf(buildProgram()))];

  it('says what it does, and so does every option', () => {
    for (const { path: name, about, flags } of tree) {
      expect(about, name).not.toBe('');
      for (const flag of flags) expect(flag.about, `${name} ${flag.names[0]}`).not.toBe('');
    }
  });

  it.each(tree.filter(({ path: name }) => name !== '' && !name.includes(' ')).map(({ path: name }) => [name]))(
    'axle %s --help has an example',
    async (name) => {
      const { out, code } = await axle(name, '--help');
      expect(code).toBe(0);
      expect(out).toMatch(/Examples?:\n {2}(axle|npm|systemctl|source)/);
    },
  );
});
