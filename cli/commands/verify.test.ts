import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { VerifyReport } from '../../common/site/verify-report.js';
import { buildProgram, runProgram } from '../program.js';
import { exitCodeOf, textOf } from './verify.js';

const ANDY = 'balances/1-andy';

describe('axle verify', () => {
  it.each([
    [{ count: 0, outcome: 'same' }, 0, 'roflfaucet holds the same\ndirectsponsor: 7 documents, 0 differences, 3 ms\n'],
    [{ count: 1, outcome: 'repaired' }, 1, 'roflfaucet held something else, and holds the same now'],
    [{ count: 2_000, outcome: 'differs' }, 1, '… and 1999 more'],
    [{ count: 0, outcome: 'unsure' }, 2, 'could not be compared'],
  ] as const)('%j ends with exit code %i', ({ count, outcome }, code, text) => {
    const difference = {
      document: ANDY,
      where: 'peer',
      peer: 'roflfaucet',
      what: 'another state',
      doing: 'repaired',
    } as const;
    const report: VerifyReport = {
      site: 'directsponsor',
      documents: 7,
      ms: 3,
      differences: count > 0 ? [difference] : [],
      count,
      peers: [{ site: 'roflfaucet', outcome }],
    };
    expect(exitCodeOf(report)).toBe(code);
    expect(textOf(report)).toContain(text);
    if (count > 0) expect(textOf(report)).toContain(`${ANDY}: roflfaucet: another state (repaired)`);
  });

  it('ends with exit code 2 where no daemon is running', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-verify-'));
    const config = path.join(folder, 'spoke.yaml');
    fs.mkdirSync(path.join(folder, 'userdata'));
    fs.writeFileSync(
      config,
      `site: roflfaucet\nuserdata: ${folder}/userdata\nstate: ${folder}/state\nhub: { site: hub, link: { type: folder, inbox: ${folder}/inbox } }\n`,
    );
    expect(await runProgram(buildProgram(), ['node', 'axle', 'verify', '--config', config])).toBe(2);
    fs.rmSync(folder, { recursive: true });
  });
});
