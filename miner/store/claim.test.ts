/** One agent for one state. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { claimState } from './claim.js';

it('is for one agent at a time, and for the next one when that has ended', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-claim-'));
  try {
    const giveBack = claimState(folder);
    expect(() => claimState(folder)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^another axle miner works with .*axle-claim-/),
        hint: expect.stringMatching(/^stop it first/),
      }),
    );
    giveBack();
    claimState(folder)();
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
