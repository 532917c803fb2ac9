/**
 * The sites' nightly job: rewrites every balance file in place, one straight after the other and without a lock. Only
 * the users named last are locked while they are rewritten, and get `amount`: without the lock a credit that arrives
 * between this job's reading and its writing is lost, and nobody can tell (I5).
 *
 *   node nightly.mjs USERDATA LAST_UPDATED AMOUNT DOCUMENT…
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { lockDocuments } from '../../../dist/common/replica/locks.js';

const [userdata, lastUpdated, amount, ...locked] = process.argv.slice(2);
const careful = new Set(locked);

for (const name of documentFiles(`${userdata}/balances`)) {
  const document = `balances/${name.slice(0, -'.txt'.length)}`;
  const isCareful = careful.has(document);
  const release = isCareful ? await lockDocuments(`${userdata}/.axle`, [document]) : undefined;
  const file = `${userdata}/balances/${name}`;
  const content = JSON.parse(readFileSync(file, 'utf8'));
  if (isCareful) content.balance += Number(amount);
  content.last_updated = Number(lastUpdated);
  writeFileSync(file, JSON.stringify(content, null, 4));
  await release?.();
}

/**
 * Lists the folder again until it shows nothing new. The tests' hosts lie on tmpfs, where a listing misses a name that is
 * renamed over while it is read (19 of 20,000 names, with one rename after the other; on ext4 none).
 */
function* documentFiles(folder) {
  const seen = new Set();
  for (let before = -1; before < seen.size; ) {
    before = seen.size;
    for (const name of readdirSync(folder)) {
      if (seen.has(name) || !name.endsWith('.txt')) continue;
      seen.add(name);
      yield name;
    }
  }
}
