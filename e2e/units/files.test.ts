/** The unit files before systemd's own judges. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UNITS } from '../../common/runtime/units.js';
import { exec } from '../lab/exec.js';
import { REPO_ROOT } from '../lab/repo.js';
import { findProgram } from '../lab/requirements.js';

/** Of 10, in tenths: the issue asks for no more. */
const EXPOSURE_MAX = 15;

describe.skipIf(findProgram('systemd-analyze') === undefined)('systemd-analyze', () => {
  it.each(Object.values(UNITS))('finds little exposed in %s', async (unit) => {
    const { code, stdout } = await exec([
      'systemd-analyze',
      'security',
      '--offline=true',
      `--threshold=${EXPOSURE_MAX}`,
      '--no-pager',
      join(REPO_ROOT, 'systemd', unit),
    ]);
    console.info(stdout.trim().split('\n').at(-1));
    expect(code, stdout).toBe(0);
  });

  it.each(Object.values(UNITS))('understands every line of %s', async (unit) => {
    const folder = mkdtempSync(join(tmpdir(), 'axle-units-'));
    try {
      // The program is not installed here: any other stands for it.
      const text = readFileSync(join(REPO_ROOT, 'systemd', unit), 'utf8');
      writeFileSync(join(folder, unit), text.replace('/opt/axle/current/bin/axle', '/bin/true'));
      const { code, stderr } = await exec(['systemd-analyze', 'verify', '--man=no', join(folder, unit)]);
      expect(stderr).not.toContain(unit);
      expect(code, stderr).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
