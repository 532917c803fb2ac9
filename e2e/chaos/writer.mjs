/**
 * The writers of one site, in one process with the account of the site's PHP. Locked: credits and debits of documents
 * that all sites write, each under the lock, replaced by renaming. Raw: documents that nobody else writes, in place and
 * without a lock. What could not be written (a full disk) is not counted, or written until it could be. At the end, or
 * when its input closes, it prints what it has done: {"sums":{document: sum},"locked":n,"raw":n,"refused":n}.
 *
 *   node writer.mjs USERDATA SEED SECONDS LOCKED_PER_S RAW_PER_S LOCKED_DOCUMENTS RAW_DOCUMENTS   (documents: a,b,c)
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockDocuments } from '../../dist/common/replica/locks.js';

const [userdata, seed, seconds, lockedPerS, rawPerS, lockedList, rawList] = process.argv.slice(2);
const fileOf = (document) => `${userdata}/${document}.txt`;
const report = { sums: {}, locked: 0, raw: 0, refused: 0 };
const end = performance.now() + Number(seconds) * 1000;
let state = Number(seed) >>> 0;

/** mulberry32: the same writes for the same seed. */
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

const pick = (list) => list[Math.floor(random() * list.length)];
const amount = () => Math.floor(random() * 30) - 10 || 1;

function count(document, by) {
  report.sums[document] = (report.sums[document] ?? 0) + by;
}

async function locked(documents) {
  const document = pick(documents);
  const by = amount();
  const release = await lockDocuments(`${userdata}/.axle`, [document]);
  try {
    const content = JSON.parse(readFileSync(fileOf(document), 'utf8'));
    if (!Number.isSafeInteger(content.balance)) throw new Error(`${document} has no balance`);
    content.balance += by;
    const temp = `${userdata}/balances/.${document.slice('balances/'.length)}.new`;
    try {
      writeFileSync(temp, JSON.stringify(content, null, 4));
      renameSync(temp, fileOf(document));
    } catch (error) {
      rmSync(temp, { force: true });
      throw error;
    }
    count(document, by);
    report.locked += 1;
  } catch {
    report.refused += 1;
  } finally {
    await release();
  }
}

/** The content is the writer's own: it needs no reading, and no other's write is lost. */
const own = new Map();

async function raw(documents) {
  const document = pick(documents);
  const content = own.get(document) ?? JSON.parse(readFileSync(fileOf(document), 'utf8'));
  const by = amount();
  content.balance += by;
  content.writes = (content.writes ?? 0) + 1;
  own.set(document, content);
  for (;;) {
    try {
      writeFileSync(fileOf(document), JSON.stringify(content, null, 4));
      break;
    } catch {
      // Truncated by now: it stays torn until there is room.
      report.refused += 1;
      await sleep(200);
    }
  }
  count(document, by);
  report.raw += 1;
}

async function repeatedly(perS, work) {
  for (let n = 1; performance.now() < end; n += 1) {
    try {
      await work();
    } catch {
      report.refused += 1;
    }
    const due = end - Number(seconds) * 1000 + (n * 1000) / perS;
    const wait = due - performance.now();
    // Behind by more than a second (a lock of the dead, a full disk): what was missed is not made up for.
    if (wait > 0) await sleep(wait);
    else if (wait < -1_000) n += Math.floor((-wait / 1000) * perS);
  }
}

await Promise.all([
  repeatedly(Number(lockedPerS), () => locked(lockedList.split(','))),
  repeatedly(Number(rawPerS), () => raw(rawList.split(','))),
]);
process.stdout.write(`${JSON.stringify(report)}\n`);
