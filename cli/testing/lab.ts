/** For tests of commands: a lab's sites with the configs by which commands find them, and the commands themselves. */
import fs from 'node:fs';
import path from 'node:path';
import { vi } from 'vitest';
import type { Lab, LabSite } from '../../common/testing/sites.js';
import { buildProgram, runProgram } from '../program.js';

/** Writes the config of a lab's site, as its operator would have it. */
export function configOf(lab: Lab, site: LabSite, more = ''): string {
  const file = path.join(lab.root, `${site.name}.yaml`);
  const link = (peer: LabSite) => `{ site: ${peer.name}, link: { type: folder, inbox: ${peer.inbox(site.name)} } }`;
  const peers = site.peers.map((peer) => link(lab.site(peer)));
  const line = site.isHub ? `spokes: [${peers.join(', ')}]` : `hub: ${peers[0]}`;
  fs.writeFileSync(
    file,
    `site: ${site.name}\nuserdata: ${site.userdata}\nstate: ${site.state}\nlog_level: info\n${line}\n${more}`,
  );
  return file;
}

export type Ran = { readonly code: number; readonly out: string; readonly err: string };

/** Runs one command line in this process. Not two at once: what it prints is caught. */
export async function axle(...args: string[]): Promise<Ran> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      said[stream] += String(text);
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    const code = await runProgram(buildProgram(), ['node', 'axle', ...args]);
    return { code, out: said.stdout, err: said.stderr };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}
