/**
 * From the answer to a credit at one site until the other site shows it: in its live file, and in a page that is open in
 * a browser. Three real hosts, rsync over real ssh, real Chromium.
 *
 *     node dist/bench/arrival.js [--writes 100] [--spacing 300-600] [--json]
 */

import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { hashToken, writeTokens } from '../common/runtime/tokens.js';
import { launch, missingForBrowser } from '../e2e/browser/browser.js';
import { Front } from '../e2e/browser/front.js';
import { installAxle, sitePaths, startAxle, stopAxle, writeConfigs } from '../e2e/lab/axle.js';
import { Lab } from '../e2e/lab/lab.js';
import { labObstacles } from '../e2e/lab/requirements.js';
import { setUpSsh } from '../e2e/lab/ssh.js';
import { waitFor } from '../e2e/lab/wait.js';
import { jwt } from '../sidecar/testing/sidecars.js';
import { balanceIn, writeBalance } from './balance-file.js';
import { contentOf, FolderWatch } from './folder-watch.js';
import { percentile } from './statistics.js';
import { HUB, SITES, SPOKES } from './system.js';

const { values } = parseArgs({
  options: {
    writes: { type: 'string', default: '100' },
    /** Milliseconds between two credits, at random, so that no rhythm of the system can line up with it. */
    spacing: { type: 'string', default: '300-600' },
    json: { type: 'boolean', default: false },
  },
});
const writes = Number(values.writes);
const [shortest = 300, longest = 600] = values.spacing.split('-').map(Number);
const USER = '1-andy';
const TOKEN = 'axle_benchmark';
const SECRET = 'a secret of both servers, long enough';
const [FROM, TO] = SPOKES;
const START = 1_000;
const WARM_UP = 5;
const ARRIVAL_LIMIT_MS = 15_000;

/** In the page: the moment at which each credit is first shown. */
const NOTE_MOMENTS = `
window.moments = [];
new MutationObserver(() => {
  const balance = Number(document.querySelector('.balance').textContent);
  while (window.moments.length < balance - ${START}) window.moments.push(Date.now());
}).observe(document.querySelector('.balance'), { childList: true, characterData: true, subtree: true });`;

const missing = [...labObstacles(), ...[missingForBrowser() ?? []].flat()];
if (missing.length > 0) {
  process.stderr.write(`This benchmark cannot run here:\n  ${missing.join('\n  ')}\n`);
  process.exit(2);
}

const lab = await Lab.up({ hosts: SITES });
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void lab.down().finally(() => process.exit(130)));
try {
  await installAxle(lab);
  await setUpSsh(lab);
  await writeConfigs(lab, (host) => (host.name === HUB ? {} : { sidecar: sidecarSection(host.name) }));
  for (const site of SPOKES) await giveSecrets(site);
  writeBalance(balancesOf(FROM), USER, START);
  await startAxle(lab);
  await waitFor(`${USER} at ${TO}`, { timeoutMs: ARRIVAL_LIMIT_MS }, () => shown() === START);
  const report = await measure();
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : text(report));
} finally {
  await stopAxle(lab).catch(() => {});
  await lab.down();
}

/** Paths inside the host. */
function filesOf(site: string) {
  const { state } = sitePaths(site);
  return { socket: `${state}/sidecar.sock`, tokens: `${state}/tokens.json`, secret: `${state}/jwt-secret` };
}

function sidecarSection(site: string) {
  const { socket, tokens, secret } = filesOf(site);
  return { port: 0, socket, tokens, jwt_secret: secret };
}

async function giveSecrets(site: string): Promise<void> {
  const host = lab.host(site);
  const { tokens, secret } = filesOf(site);
  writeTokens(host.path(tokens), [
    { name: 'bench', sha256: hashToken(TOKEN), scopes: ['balances:write', 'balances:read'], created: '' },
  ]);
  writeFileSync(host.path(secret), `${SECRET}\n`, { mode: 0o640 });
  await host.must(['chown', '--reference', sitePaths(site).state, tokens, secret]);
}

function balancesOf(site: string): string {
  return lab.host(site).path(`${sitePaths(site).userdata}/balances`);
}

function socketOf(site: string): string {
  return lab.host(site).path(filesOf(site).socket);
}

function shown(): number {
  return balanceIn(contentOf(`${balancesOf(TO)}/${USER}.txt`)) ?? 0;
}

interface Report {
  readonly writes: number;
  readonly answer: Times;
  /** From the answer on; a file or page that was there before the answer counts as 0. */
  readonly file: Times;
  readonly browser: Times;
}

interface Times {
  readonly p50_ms: number;
  readonly p90_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
}

async function measure(): Promise<Report> {
  const front = new Front({ '/axle': () => ({ socketPath: socketOf(TO) }) });
  await front.start();
  const browser = await launch();
  // The nth credit makes the balance START + n: what is shown tells which credits have arrived, also overtaken ones.
  const inFile: number[] = [];
  const watching = new FolderWatch(balancesOf(TO), () => note(inFile, shown()));
  try {
    const page = await browser.newPage();
    const tag = encodeURIComponent('data-sidecar="/axle" data-writes="sidecar"');
    await page.goto(`${front.origin}/?tag=${tag}&jwt=${jwt(USER, {}, SECRET)}`);
    await page.waitForFunction(`document.querySelector('.balance')?.textContent === '${START}'`);
    await page.evaluate(NOTE_MOMENTS);
    const asked: number[] = [];
    const answered: number[] = [];
    for (let n = 1; n <= WARM_UP + writes; n += 1) {
      asked.push(Date.now());
      await credit(n);
      answered.push(Date.now());
      await sleep(shortest + Math.random() * (longest - shortest));
    }
    const all = WARM_UP + writes;
    await waitFor('the last credit in the file', { timeoutMs: ARRIVAL_LIMIT_MS }, () => inFile.length >= all);
    const inBrowser = await momentsOf(page, all);
    return {
      writes,
      answer: times(answered, asked),
      file: times(inFile, answered),
      browser: times(inBrowser, answered),
    };
  } finally {
    watching.close();
    await browser.close();
    await front.close();
  }
}

async function momentsOf(page: Page, count: number): Promise<number[]> {
  await page.waitForFunction(`window.moments.length >= ${count}`, undefined, { timeout: ARRIVAL_LIMIT_MS });
  return (await page.evaluate('window.moments')) as number[];
}

function note(moments: number[], balance: number): void {
  const now = Date.now();
  while (moments.length < balance - START) moments.push(now);
}

function credit(n: number): Promise<void> {
  const body = JSON.stringify({ amount: 1, source: 'faucet', description: 'Claim' });
  const headers = {
    authorization: `Bearer ${TOKEN}`,
    'content-type': 'application/json',
    'idempotency-key': `arrival-${n}`,
  };
  const path = `/v1/balances/${USER}/changes`;
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: socketOf(FROM), path, method: 'POST', headers }, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`credit ${n} was answered with ${answer.statusCode}`));
      });
    });
    request.on('error', reject).end(body);
  });
}

/** From each beginning to its end, without the warm-up. */
function times(ends: readonly number[], beginnings: readonly number[]): Times {
  const all = ends.map((end, n) => Math.max(0, end - (beginnings[n] ?? end))).slice(WARM_UP, WARM_UP + writes);
  return {
    p50_ms: percentile(all, 0.5),
    p90_ms: percentile(all, 0.9),
    p99_ms: percentile(all, 0.99),
    max_ms: Math.max(...all),
  };
}

function text({ answer, file, browser }: Report): string {
  const line = (what: string, { p50_ms, p90_ms, p99_ms, max_ms }: Times) =>
    `${what.padEnd(38)} p50 ${p50_ms} ms, p90 ${p90_ms} ms, p99 ${p99_ms} ms, max ${max_ms} ms\n`;
  return (
    `${writes} credits at ${FROM}, one after the other\n` +
    line('asked → answered', answer) +
    line(`answered → in the file of ${TO}`, file) +
    line(`answered → in a browser at ${TO}`, browser)
  );
}
