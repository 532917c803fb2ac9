/**
 * A cooperating writer: gives `count` credits of `amount` to one user, each under the lock, each by truncating the file
 * and writing it anew. Runs on a host as the account of the site's PHP.
 *
 *   node credit.mjs USERDATA DOCUMENT COUNT AMOUNT PAUSE_MS
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockDocuments } from '../../../dist/common/replica/locks.js';

const [userdata, document, count, amount, pauseMs] = process.argv.slice(2);
const file = `${userdata}/${document}.txt`;

for (let n = 0; n < Number(count); n += 1) {
  const release = await lockDocuments(`${userdata}/.axle`, [document]);
  try {
    const content = JSON.parse(readFileSync(file, 'utf8'));
    content.balance += Number(amount);
    writeFileSync(file, JSON.stringify(content, null, 4));
  } finally {
    await release();
  }
  if (Number(pauseMs) > 0) await sleep(Number(pauseMs));
}
