/** An agent over a real store, real scans and simulated devices; only its polling is none: it reads when it is asked. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Type } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { hashToken, Tokens, writeTokens } from '../../../common/runtime/tokens.js';
import type { MinerReading } from '../../adapters/reading.js';
import type { Agent } from '../../agent.js';
import { interview } from '../../discovery/interview.js';
import { type ScanResult, scan } from '../../discovery/scan.js';
import { ScanJobs } from '../../discovery/scan-jobs.js';
import type { Fleet } from '../../fleet/fleet.js';
import type { Ports } from '../../readers/device.js';
import { NetworkDevice } from '../../readers/network-device.js';
import type { Money } from '../../shares/money.js';
import type { MinerRow } from '../../store/miners.js';
import { FleetStore } from '../../store/store.js';
import { Matcher } from '../../wallets/matching.js';
import { type ApiOptions, buildApi } from '../app.js';
import { type ApiConfig, ApiSection } from '../config.js';
import { MINER_TOKENS, type Scope } from '../tokens.js';

export const READER = 'axle_reader';
export const WRITER = 'axle_writer';
export const RETENTION = { raw_h: 26, ten_minutes_d: 32, hour_d: 1100, credits_d: 400 };

export class TestAgent implements Agent {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-api-'));
  readonly store = FleetStore.open(path.join(this.folder, 'fleet.db'));
  readonly scans: ScanJobs;
  readonly poller: Agent['poller'];
  readonly now = Date.now;
  readonly changes: number[] = [];
  money?: Money;
  readonly #readings = new Map<number, { reading: MinerReading; at: number }>();
  readonly #listeners = new Set<() => void>();

  constructor(readonly ports: Ports) {
    this.scans = new ScanJobs({
      scan,
      interfaces: () => ({}),
      now: this.now,
      options: () => ({ ports }),
      onResult: (result) => this.#found(result),
    });
    this.poller = {
      latest: (id) => {
        const known = this.#readings.get(id);
        return known && { ...known, failures: 0 };
      },
      readNow: async (id) => {
        const row = this.store.miners.get(id) as MinerRow;
        const device = new NetworkDevice(row.ip_address, {
          ports,
          connect_ms: 1_000,
          answer_ms: 3_000,
          total_ms: 6_000,
        });
        const read = await interview(device, ['rpc', 'http', 'whatsminer']);
        if (read === undefined) throw new Error(`${row.ip_address} says nothing that a miner says`);
        this.#note(id, read.reading);
        return { reading: read.reading, at: this.now() };
      },
    };
  }

  fleet(): Fleet {
    const miners = this.store.miners.list().map((row) => {
      const known = this.#readings.get(row.id);
      const state = row.enabled === 0 ? ('disabled' as const) : known ? ('online' as const) : ('unknown' as const);
      return { id: row.id, name: row.name, miner_type: row.miner_type, address: row.ip_address, state, ...known };
    });
    return { at: this.now(), poll_interval_s: 30, miners };
  }

  changed(miner_id: number): void {
    this.changes.push(miner_id);
    this.tell();
  }

  follow(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get followers(): number {
    return this.#listeners.size;
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #found({ found }: ScanResult): void {
    for (const { address, mac = null, reading } of found) {
      const known = this.store.miners.list().find(({ mac_address }) => mac_address === mac);
      const row =
        known ??
        this.store.miners.add({
          name: reading.model ?? reading.family,
          miner_type: reading.family,
          ip_address: address,
          mac_address: mac,
          auto_discovered: 1,
          created_at: this.now(),
        });
      this.#note(row.id, reading);
    }
    this.tell();
  }

  #note(id: number, reading: MinerReading): void {
    this.#readings.set(id, { reading, at: this.now() });
    const pools = reading.pools.flatMap(({ url, user }) =>
      url === undefined || user === undefined ? [] : [{ pool_url: url, pool_user: user }],
    );
    this.store.configs.observe(id, pools, this.now());
    new Matcher(this.store).match(id);
  }

  async close(): Promise<void> {
    await this.scans.stop();
    this.store.close();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

type Section = Readonly<Record<string, unknown>>;

/** As miner.yaml's reader makes it: defaults filled in. */
export function apiConfig(section: Section): ApiConfig {
  const root = { api: structuredClone(section) };
  const ajv = new Ajv({ useDefaults: true, strict: true, keywords: ['must'], allErrors: true });
  const validate = ajv.compile(Type.Object({ api: ApiSection }));
  if (!validate(root)) throw new Error(JSON.stringify(validate.errors));
  return root.api as unknown as ApiConfig;
}

/** With tokens READER and WRITER. */
export async function buildTestApi(
  agent: TestAgent,
  { section = {}, ...more }: { section?: Section } & Partial<Omit<ApiOptions, 'config' | 'tokens'>> = {},
) {
  const file = path.join(agent.folder, 'tokens.json');
  const token = (name: string, text: string, scopes: Scope[]) => ({
    name,
    sha256: hashToken(text),
    scopes,
    created: '2026-01-01T00:00:00.000Z',
  });
  writeTokens(file, [token('reader', READER, ['read']), token('writer', WRITER, ['read', 'write'])]);
  const lines: { level: string; event: string; fields: object }[] = [];
  const log =
    (level: string) =>
    (event: string, fields: object = {}) =>
      void lines.push({ level, event, fields });
  const app = await buildApi(agent, {
    config: apiConfig({ limits: { per_minute: 1_000_000 }, ...section }),
    tokens: new Tokens(
      file,
      MINER_TOKENS,
      () => performance.now(),
      () => {},
    ),
    log: { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') },
    networks: () => ['127.33.0.0/20'],
    retention: RETENTION,
    ...more,
  });
  return { app, log: lines };
}
