/** 10,000 requests that mean no good: each is answered as it deserves, and nothing is written, told or kept. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';
import Database from 'better-sqlite3';
import { describe, expect, vi } from 'vitest';
import type { Lab } from '../common/testing/sites.js';
import { ABUSES, type Abuse, LAWFUL } from './testing/abuses.js';
import { ANDY, sidecarTests } from './testing/sidecar-tests.js';
import { type LabSidecar, READER, SECRET, SERVICE } from './testing/sidecars.js';

// 10 s where half a core is free.
vi.setConfig({ testTimeout: 90_000 });
const test = sidecarTests(1);
const ROUNDS = 10_000;
/** By then caches are as large as they get. */
const WARM_ROUNDS = 2_000;
const CONNECTIONS = 32;
/** Half a kilobyte for each request that comes after the first 2,000. */
const HEAP_MB_MAX = 4;
/** Besides, the allocator keeps what 32 connections at a time took. */
const RESIDENT_MB_MAX = 32;
const BALANCE = 471_119;

const ALL: readonly Abuse[] = [
  ...ABUSES,
  ...LAWFUL.map(({ what, request, again }) => ({ what: `${what}, again`, status: again, request: () => request })),
];

/** A request as it stands; `answer` is all that comes back, at its end. By the port, or by the socket. */
function send(sidecar: LabSidecar, request: string, bySocket: boolean) {
  const { port, socket } = sidecar.running;
  const connection = bySocket ? net.connect(socket) : net.connect(port, '127.0.0.1');
  connection.write(request);
  connection.setEncoding('latin1');
  const state = { text: '' };
  connection.on('data', (chunk: string) => {
    state.text += chunk;
  });
  connection.on('error', () => {});
  const answer = new Promise<string>((resolve) => connection.on('close', () => resolve(state.text)));
  return { state, answer, close: () => connection.destroy() };
}

const statusOf = (answer: string): number => Number(answer.slice(9, 12));

/** The digest of every file of all sites and of the sidecar, apart from what the daemons keep for themselves. */
function contents({ root }: Lab): Record<string, string> {
  const all = fs.readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = all.map(({ parentPath, name }) => path.join(parentPath, name));
  // A state folder holds the database, which is looked at row by row; the marker counts commits, of which each is one.
  const kept = files.filter((file) => !/^[^/]+\/state\/|\/\.axle\/replica$/.test(path.relative(root, file)));
  const digest = (file: string) => createHash('sha256').update(fs.readFileSync(file)).digest('hex');
  return Object.fromEntries(kept.sort().map((file) => [path.relative(root, file), digest(file)]));
}

/** What stands in the databases of all sites. */
function rows({ sites }: Lab): unknown {
  return sites.map(({ name, state }) => {
    const db = new Database(path.join(state, 'state.db'), { readonly: true });
    const tables = ['answers', 'changes', 'miner_credits', 'held'].map((table) => db.prepare(`SELECT * FROM ${table}`));
    const all = [...tables, db.prepare('SELECT id, name, seq, state FROM documents')].map((query) => query.all());
    db.close();
    return [name, all];
  });
}

/** In MB, when everything is gone that nobody holds. */
async function memory(): Promise<{ heap: number; resident: number }> {
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc') as () => void;
  // What closed connections hold is let go a few turns later.
  for (let round = 0; round < 3; round++) {
    await sleep(50);
    gc();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: (heapUsed + external) / 1e6, resident: rss / 1e6 };
}

/** Of every error, and of what the parser of HTTP lets nobody else see. */
const FORMS = [
  /^{"error":{"code":"[a-z_]+","message":"/,
  /^{"error":"[\w ]+","message":"(?:Client Error|Exceeded maximum allowed HTTP header size)",/,
];

/** What no answer may hold: paths, stacks, SQL, secrets, and to whoever is turned away, what there is. */
function leaks(answer: string, { root }: Lab): string[] {
  const told = [root, process.cwd(), SERVICE, READER, SECRET].filter((text) => answer.includes(text));
  const patterns = [
    /node_modules|userdata|root:|\/(?:tmp|dev|etc|home|var|run)\//,
    /\.[jt]s:\d+|\bat \S+ \(/,
    /sqlite|\b(?:select|insert into|update|delete from)\b|no such (?:table|column)|constraint/i,
    /axle_\w|eyJ[\w-]{10}|[0-9a-f]{64}/,
  ];
  const [status, body] = [statusOf(answer), answer.slice(answer.indexOf('\r\n\r\n') + 4)];
  if (status >= 400 && body !== '' && !FORMS.some((form) => form.test(body))) told.push(body);
  if (status >= 400 && status !== 409) patterns.push(new RegExp(String(BALANCE).slice(0, 4)));
  return [...told, ...patterns.flatMap((pattern) => pattern.exec(answer)?.[0] ?? [])];
}

describe('abuse', () => {
  test(
    'hazard 11: 10,000 requests get the status they deserve, and nothing else',
    async ({ lab, faucet, sidecar }) => {
      for (const { what, request, first } of LAWFUL)
        expect([what, statusOf(await send(sidecar, request, false).answer)]).toEqual([what, first]);
      await lab.expectBalance(ANDY, BALANCE + 7);
      const listener = send(
        sidecar,
        `GET /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${SERVICE}\r\n\r\n`,
        true,
      );
      await lab.until('somebody listens', () => statusOf(listener.state.text) === 200);
      await lab.expectClean();
      const before = { files: contents(lab), rows: rows(lab) };
      expect(Object.keys(before.files).filter((file) => file.endsWith('balances/1-andy.txt'))).toHaveLength(3);

      const wrong: string[] = [];
      let next = 0;
      const work = async (end: number): Promise<void> => {
        while (next < end) {
          const n = next++;
          const { what, status, request } = ALL[n % ALL.length] as Abuse;
          const answer = await send(sidecar, request(n), Math.floor(n / ALL.length) % 2 === 1).answer;
          if (statusOf(answer) !== status) wrong.push(`${what}: ${answer.slice(0, 300)}`);
          for (const leak of leaks(answer, lab)) wrong.push(`${what} tells ${leak}: ${answer.slice(0, 300)}`);
        }
      };
      const run = (end: number) => Promise.all(Array.from({ length: CONNECTIONS }, () => work(end)));
      await run(WARM_ROUNDS);
      const warm = await memory();
      await run(ROUNDS);
      const { heap, resident } = await memory();
      expect(wrong.slice(0, 3)).toEqual([]);
      expect(heap - warm.heap).toBeLessThan(HEAP_MB_MAX);
      expect(resident - warm.resident).toBeLessThan(RESIDENT_MB_MAX);
      expect({ files: contents(lab), rows: rows(lab) }).toEqual(before);
      expect(listener.state.text).not.toContain('event:');
      listener.close();
      expect(faucet.log.filter(({ level }) => level === 'error')).toEqual([]);
      await lab.expectBalance(ANDY, BALANCE + 7);
    },
    {
      content: { balance: BALANCE },
      config: { limits: { user_per_minute: 1_000_000, event_streams: 1 } },
      // A credit that lies idle goes back to the hub, which is a change of the document.
      rightsIdleMs: 3_600_000,
    },
  );
});
