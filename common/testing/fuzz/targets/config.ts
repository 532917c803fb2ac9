/** The YAML of a configuration: understood, or refused with a ConfigError; never another exception. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { DEFAULT_POLICIES, type KindPolicy, mergePolicies, PathPolicies } from '../../../core/policy.js';
import { ConfigError, parseHubConfig, parseSpokeConfig } from '../../../runtime/config.js';
import { mutatedText } from '../../mutations.js';
import type { Target } from '../target.js';

const FIXTURES = new URL(
  import.meta.url.includes('/dist/') ? '../../../../../fixtures/' : '../../../../fixtures/',
  import.meta.url,
);
const example = (role: string): string => readFileSync(new URL(`${role}.example.yaml`, FIXTURES), 'utf8');

const VALUES = [
  ...['', '~', 'null', 'true', '-1', '0', '1e999', '.nan', '0x10', '0o17', '"a"', "'", '"', '[]', '{}', '[1', '{a: 1'],
  ...['&a [*a]', '*a', '&a {b: *a}', '<<: *a', '!!js/function x', '!!binary x', '2026-01-01', '|\n    x', '? a\n: b'],
  ...[
    '../../etc',
    '/',
    'directsponsor',
    'roflfaucet',
    'constructor',
    '__proto__',
    'a'.repeat(2_000),
    '\t',
    '%YAML 9.9',
  ],
];

/** Lines of an example, of which some are dropped, said twice, given another value, or another depth. */
function mutatedLines(text: string): fc.Arbitrary<string> {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  const change = fc.record({ at: fc.nat(lines.length - 1), how: fc.nat(4), value: fc.constantFrom(...VALUES) });
  return fc.array(change, { maxLength: 3 }).map((changes) => {
    const out = [...lines];
    for (const { at, how, value } of changes) {
      const line = out[at] ?? '';
      if (how === 0) out.splice(at, 1);
      else if (how === 1) out.splice(at, 0, line);
      else if (how === 2) out[at] = line.replace(/:.*$/, `: ${value}`);
      else if (how === 3) out[at] = line.replace(/[\w.*"-]+(?=:)/, value);
      else out[at] = `  ${line}`;
    }
    return out.join('\n');
  });
}

type Input = { readonly role: 'hub' | 'spoke'; readonly text: string };

const input = fc
  .constantFrom<Input['role'][]>('hub', 'spoke')
  .chain((role) =>
    fc
      .oneof(
        { weight: 4, arbitrary: mutatedLines(example(role)) },
        { weight: 1, arbitrary: mutatedText(fc.constant(example(role))) },
        { weight: 1, arbitrary: fc.constantFrom(...VALUES) },
      )
      .map((text) => ({ role, text })),
  );

export const config: Target<Input> = {
  name: 'config YAML',
  share: 50,
  input,
  open: () => ({
    run: ({ role, text }) => {
      const parse = role === 'hub' ? parseHubConfig : parseSpokeConfig;
      try {
        const parsed = parse(text, 'a.yaml');
        assert.deepEqual(parse(stringify(parsed), 'b.yaml'), parsed);
        const policies = mergePolicies(DEFAULT_POLICIES, parsed.kinds as Record<string, Partial<KindPolicy>>);
        for (const policy of Object.values(policies)) new PathPolicies(policy).of('/balance');
        return true;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        assert.ok(error.problems.length > 0);
        for (const problem of error.problems) assert.match(problem, /^a\.yaml:/);
        return false;
      }
    },
  }),
};
