/** The example of the README does what the README says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Adapter } from './adapter.js';
import { FAMILIES } from './reading.js';
import { readReplies } from './replies.js';

const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';

it('the example is an adapter, in 40 lines', async () => {
  expect(example.trimEnd().split('\n').length).toBeLessThanOrEqual(40);
  const folder = mkdtempSync(join(tmpdir(), 'axle-adapter-'));
  try {
    const here = example
      .replaceAll(/from '\.\/(.*)\.js'/g, `from '${import.meta.dirname}/$1.ts'`)
      .replaceAll(/from '\.\.\/(.*)\.js'/g, `from '${join(import.meta.dirname, '..')}/$1.ts'`);
    writeFileSync(join(folder, 'acme.ts'), here);
    const { acme } = (await import(join(folder, 'acme.ts'))) as { readonly acme: Adapter };
    const sample = /^`(\{"acme".*\})`:$/m.exec(readme)?.[1] ?? '';
    const replies = readReplies({ status: sample });
    expect(acme.recognises(replies)).toBe(true);
    expect(acme.parse(replies)).toEqual({
      family: 'acme',
      model: 'One',
      mac: '02:00:00:00:00:01',
      hashrate_hps: 12_500_000_000_000,
      temperature_c: 64,
      power_w: 250,
      uptime_s: 60,
      shares_accepted: 12,
      shares_rejected: 1,
      pools: [
        {
          url: 'stratum+tcp://pool:3333',
          user: 'bc1q….one',
          shares_accepted: 12,
          shares_rejected: 1,
          difficulty: 4_096,
        },
      ],
      fans: [],
      boards: [],
    });
    expect(acme.parse({})).toEqual({ family: 'acme', pools: [], fans: [], boards: [] });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('names every family', () => {
  for (const family of FAMILIES) expect(readme).toContain(`| \`${family}\` |`);
});
