/** An agent that cannot begin says what to do. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SILENT } from '../common/runtime/log.js';
import { fieldsOf, troubleOf } from '../common/runtime/troubles.js';
import { parseMinerConfig } from './config/config.js';
import { runMiner } from './main.js';
import { claimState } from './store/claim.js';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-agent-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(folder, { recursive: true });
});

/** What the log says of it. */
async function failed(state = folder): Promise<object> {
  const config = parseMinerConfig(`state: ${state}\n`, 'miner.yaml');
  const error = await runMiner(config, SILENT).then(
    () => new Error('it runs'),
    (thrown: Error) => thrown,
  );
  return fieldsOf(troubleOf(error));
}

it('beside another one with its state', async () => {
  const giveBack = claimState(folder);
  try {
    expect(await failed()).toEqual({
      code: 'AXL-FLEET-STORE',
      reason: `another axle miner works with ${folder}`,
      hint: 'stop it first, or give this one a state of its own in miner.yaml',
    });
  } finally {
    giveBack();
  }
});

it('where its state can be no folder', async () => {
  expect(await failed('/proc/axle-test')).toMatchObject({
    code: 'AXL-FOLDER',
    reason: '/proc/axle-test cannot be made: /proc takes no folders (ENOENT)',
  });
});

it.each([
  ['EROFS', 'AXL-READ-ONLY', /mounted read-only.*ReadWritePaths=/],
  ['EACCES', 'AXL-PERMISSION', /the account that owns the folder/],
])('where its state cannot be written: %s', async (errno, code, hint) => {
  vi.spyOn(fs, 'accessSync').mockImplementation(() => {
    throw Object.assign(new Error(`${errno}: access '${folder}'`), { code: errno });
  });
  expect(await failed()).toEqual({
    code,
    reason: `${errno}: access '${folder}'`,
    hint: expect.stringMatching(hint),
  });
});
