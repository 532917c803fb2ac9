/**
 * What a comparison of two sites costs: time, bytes, messages, and the longest pause of the event loop. Two replicas in one
 * process, real SQLite, messages encoded and decoded; no files, no transport. `node dist/bench/compare.js [documents]`
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { decodeBatch, encodeBatch } from '../common/core/batch.js';
import { canonicalText } from '../common/core/canonical.js';
import { DEFAULT_POLICIES } from '../common/core/policy.js';
import { makeStamp } from '../common/core/stamp.js';
import type { DocState } from '../common/core/state.js';
import { type CompareResult, Comparer } from '../common/link/comparer.js';
import { DEFAULT_GUARDS } from '../common/replica/guard.js';
import { LiveFiles } from '../common/replica/live-files.js';
import { receive } from '../common/replica/receive.js';
import { Replica } from '../common/replica/replica.js';
import { sha256 } from '../common/replica/sha256.js';
import { noSteps } from '../common/replica/steps.js';
import { Store } from '../common/replica/store.js';
import { SILENT } from '../common/runtime/log.js';

const HUB = 'directsponsor';
const SPOKE = 'roflfaucet';
const GROUP = 5_000;

type End = { readonly replica: Replica; readonly comparer: Comparer; readonly peer: string };

const documents = Number(process.argv[2] ?? 100_000);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-compare-'));
try {
  const hub = end(HUB, SPOKE);
  const spoke = end(SPOKE, HUB);
  for (const { replica } of [hub, spoke]) fill(replica, documents);
  await compare('first comparison, equal', hub, spoke);
  await compare('equal', hub, spoke);
  for (let i = 0; i < 10; i++) change(spoke.replica, `balances/${i * 997}-user`, i);
  await compare('10 different', hub, spoke);
  await compare('equal again', hub, spoke);
  console.log(`resident memory: ${Math.round(process.memoryUsage.rss() / 1e6)} MB, both sites`);
} finally {
  fs.rmSync(folder, { recursive: true });
}

function end(site: string, peer: string): End {
  const root = path.join(folder, site);
  fs.mkdirSync(path.join(root, 'balances'), { recursive: true });
  const files = new LiveFiles({ root, maxFileBytes: 1_000_000 });
  files.prepare();
  const replica = new Replica({
    site,
    store: Store.open(path.join(folder, `${site}.db`)),
    files,
    policies: DEFAULT_POLICIES,
    joinRule: 'hold',
    now: () => Date.now(),
    steady: () => performance.now(),
    randomHex: (bytes) => Array.from({ length: bytes * 2 }, () => Math.floor(Math.random() * 16).toString(16)).join(''),
    log: SILENT,
    steps: noSteps,
    clockSkewMaxMs: 60_000,
    guards: DEFAULT_GUARDS,
    peers: [peer],
  });
  const comparer = new Comparer({
    replica,
    peerSite: peer,
    isHub: site === HUB,
    batchDocuments: 2_000,
    batchBytes: 4 * 1024 * 1024,
    random: Math.random,
    mayAnswer: () => true,
    events: { onWork: () => {}, onRepaired: () => {}, onTold: () => {} },
  });
  return { replica, comparer, peer };
}

function state(i: number): DocState {
  const stamp = makeStamp(1_700_000_000_000 + i, 0, HUB);
  return {
    counters: {
      '/balance': { genesis: [String(i), stamp], by: { [`${SPOKE}~00000001`]: ['10', '2'] }, shape: ['number', stamp] },
    },
    registers: {
      '/last_updated': [String(1_700_000_000 + i), stamp],
      '/user_id': [JSON.stringify(`${i}-user`), stamp],
    },
  };
}

function fill(replica: Replica, many: number): void {
  for (let from = 0; from < many; from += GROUP)
    replica.commit(({ nextSeq }) => {
      for (let i = from; i < Math.min(many, from + GROUP); i++) {
        const seq = replica.world.site === HUB ? nextSeq() : 0;
        const row = {
          name: `balances/${i}-user`,
          seq,
          origin: '',
          at: 1,
          by_site: HUB,
          state: canonicalText(state(i)),
        };
        replica.world.store.putDocument(row, undefined);
      }
    });
}

/** The spoke has missed what the hub holds. */
function change(replica: Replica, name: string, i: number): void {
  const row = replica.world.store.document(name);
  if (row === undefined) return;
  const { registers: _, ...rest } = state(i * 997);
  replica.commit(() => replica.world.store.putDocument({ ...row, state: canonicalText(rest) }, row.id));
}

async function compare(what: string, hub: End, spoke: End): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const started = performance.now();
  let bytes = 0;
  let messages = 0;
  let result: CompareResult | undefined;
  const asked = spoke.comparer.compare().then((is) => {
    result = is;
  });
  for (let i = 0; result === undefined && i < 1_000_000; i++) {
    for (const [from, to] of [
      [spoke, hub],
      [hub, spoke],
    ] as const) {
      const length = await carry(from, to);
      bytes += length;
      if (length > 0) messages++;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await asked;
  delay.disable();
  const ms = Math.round(performance.now() - started);
  console.log(
    `${what}: ${result?.outcome}, ${ms} ms, ${bytes} bytes in ${messages} messages, longest pause ${(delay.max / 1e6).toFixed(1)} ms`,
  );
}

async function carry(from: End, to: End): Promise<number> {
  const said = from.comparer.render();
  if (said === undefined) return 0;
  const { id, head } = from.replica;
  const confirms = { replica: to.replica.id, seq: to.replica.head, session: 's' };
  const header = {
    replica: id,
    to_site: from.peer,
    session: 's',
    from: head,
    to: head,
    head,
    confirms,
    compare: said.part,
    sent_at: Date.now(),
  };
  const text = encodeBatch(header, said.lines, sha256);
  from.comparer.sent();
  const decoded = decodeBatch(text, sha256);
  if (!decoded.ok) throw new Error(decoded.message);
  const peer = { site: to.peer, replica: id, author: id, applied: head, confirmed: to.replica.head };
  const received = receive(to.replica, decoded.batch.documents, peer, { isHub: to.peer === SPOKE });
  if (!received.ok) throw new Error(received.message);
  const changed = received.changed.map(({ name }) => name);
  await to.comparer.hear(said.part, { head, applied: head, confirmed: to.replica.head, replica: id, changed });
  return text.length;
}
