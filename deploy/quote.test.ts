import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quote } from './quote.js';

const SHELLS = ['/bin/sh', '/bin/bash', '/bin/dash', '/usr/bin/zsh'].filter((shell) => existsSync(shell));

describe.each(SHELLS)('arguments quoted for %s', (shell) => {
  const through = (argv: readonly string[]): string[] => {
    const line = quote(['printf', '%s\\0', ...argv]);
    return spawnSync(shell, ['-c', line], { encoding: 'utf8', env: { LC_ALL: 'C.UTF-8' } })
      .stdout.split('\0')
      .slice(0, -1);
  };

  it.each([
    '',
    ' ',
    '$(touch /tmp/x)',
    '`id`',
    "it's",
    `'"'"'`,
    '"',
    '\\',
    "\\'",
    'a\nb',
    '; rm -rf /',
    '~',
    '*',
    '!!',
    '-n',
    '{a,b}',
    'x=1',
    '=ls',
    '#no',
    'ä€',
  ])('arrives as it was: %j', (argument) => {
    expect(through([argument, 'end'])).toEqual([argument, 'end']);
  });

  it('whatever they are', () => {
    const argument = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(fc.array(argument, { minLength: 1, maxLength: 8 }), (argv) => {
        expect(through(argv)).toEqual(argv);
      }),
      { numRuns: 40 },
    );
  });
});

it('a NUL is refused', () => {
  expect(() => quote(['a\0b'])).toThrow('NUL');
});
