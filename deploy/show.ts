/** Plans and answers in words. */
import type { Facts } from './facts.js';
import type { SiteEntry } from './inventory.js';
import type { Plan } from './plan.js';
import type { Manifest } from './release/tree.js';

export function planText(plan: Plan, { version, platform, arch }: Manifest, facts: ReadonlyMap<string, Facts>): string {
  const lines = [`Axle ${version} for ${platform}-${arch}`];
  for (const { entry, changes, problems } of plan) {
    lines.push('', headOf(entry, facts.get(entry.site)));
    for (const problem of problems) lines.push(`  ! ${problem}`);
    for (const { text } of changes) lines.push(`  + ${text}`);
    if (changes.length === 0 && problems.length === 0) lines.push('  nothing to do');
  }
  return `${lines.join('\n')}\n`;
}

function headOf({ site, role, user, host, port, pulls, miner }: SiteEntry, facts: Facts | undefined): string {
  const place = `${user}@${host}${port === 22 ? '' : `:${port}`}`;
  const system =
    facts === undefined ? '' : `  (${facts.os}${facts.rsync === undefined ? '' : `, rsync ${facts.rsync}`})`;
  return `${site}  ${role}${pulls ? ', fetches' : ''}${miner ? ', with the miner agent' : ''}  ${place}${system}`;
}
