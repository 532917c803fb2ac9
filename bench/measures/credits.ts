/** (c) Two sites credit the same user at the same time, as PHP without locks does it: read, add, write. */

import { setTimeout as sleep } from 'node:timers/promises';
import { balanceIn, readBalance, writeBalance } from '../balance-file.js';
import { seen } from '../folder-watch.js';
import type { Sites } from '../sites.js';
import { waitForQuiet } from './quiet.js';

export interface Credits {
  given: number;
  /** Credits missing where most are missing, once nothing changes any more. Negative when some counted twice. */
  lost: number;
  /** Whether all three sites ended with the same balance. */
  agreed: boolean;
}

const USER = '2-bea';
const START = 1000;
const STILL_MS = 5_000;
const LIMIT_MS = 60_000;

/** Each side gives `each` credits of 1. Undefined for a system that carries changes one way only. */
export async function measureCredits(sites: Sites, each: number): Promise<Credits | undefined> {
  if (!sites.twoWay) return undefined;
  writeBalance(sites.from, USER, START);
  const there = await seen(sites.to, `${USER}.txt`, (text) => balanceIn(text) === START, LIMIT_MS);
  if (there === undefined) throw new Error('the starting balance has not arrived');
  await sleep(1_000);

  await Promise.all([giveCredits(sites.from, each), giveCredits(sites.to, each)]);
  const folders = [sites.hub, sites.from, sites.to];
  await waitForQuiet(
    folders.map((folder) => `${folder}/${USER}.txt`),
    STILL_MS,
    LIMIT_MS,
  );

  const balances = folders.map((folder) => readBalance(folder, USER) ?? 0);
  const given = 2 * each;
  return { given, lost: START + given - Math.min(...balances), agreed: new Set(balances).size === 1 };
}

/** A modest pace, 20–50 ms: several writes meet one journey of a change, none is a race of microseconds. */
async function giveCredits(folder: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const balance = await readWhole(folder);
    writeBalance(folder, USER, balance + 1);
    await sleep(20 + Math.random() * 30);
  }
}

/** A site must not take a torn file for zero; this one waits until it can read the balance. */
async function readWhole(folder: string): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const balance = readBalance(folder, USER);
    if (balance !== undefined) return balance;
    await sleep(1);
  }
  throw new Error(`${folder}/${USER}.txt has held no balance for a second`);
}
