/** A hub, a spoke with its sidecar, a miner agent behind a proxy, each a process of its own, and devices on a clock of ours. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Big from 'big.js';
import { stringify } from 'yaml';
import { hashToken, writeTokens } from '../../common/runtime/tokens.js';
import type { CreditConfig } from '../../miner/shares/config.js';
import type { HeldWork } from '../../miner/shares/held.js';
import type { StatementRow } from '../../miner/shares/statement.js';
import { Fleet as Devices } from '../../miner/simulate/fleet.js';
import { FleetStore } from '../../miner/store/store.js';
import { KINDS, MAIN } from '../lab/axle.js';
import { waitFor } from '../lab/wait.js';
import { HeldAnswers } from './held-answers.js';

const HUB = 'directsponsor';
const SPOKE = 'roflfaucet';
const TOKEN = 'axle_e2e-miners-money';
const NETWORK = '127.61.0.0/28';
const PORTS = { rpc: 14_328, http: 18_380, whatsminer: 14_733 };
const PERIOD_S = 10;
/** Credits for each 1 of difficulty. */
export const RATE = '0.00000123';

/** Of the site's `GET /v1/miner-credits?group=day`. */
export type ReportRow = Required<Pick<StatementRow, 'day' | 'user' | 'miner' | 'amount' | 'difficulty' | 'credits'>>;

/** Time of the devices: it stands still, runs or jumps. */
class Clock {
  #at = Date.now();
  #since: number | undefined;

  readonly now = (): number => this.#at + (this.#since === undefined ? 0 : Date.now() - this.#since);

  run(): void {
    this.#since ??= Date.now();
  }

  stop(): void {
    this.#at = this.now();
    this.#since = undefined;
  }

  skip(seconds: number): void {
    this.#at += seconds * 1_000;
  }
}

/** A run of `axle`, and everything that it says. */
class Run {
  said = '';
  readonly child: ChildProcess;
  readonly ended: Promise<number>;

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.said += text;
      });
    this.ended = new Promise((resolve) => this.child.on('close', (code) => resolve(code ?? 137)));
  }

  async told(what: RegExp): Promise<RegExpExecArray> {
    return waitFor(`${what}`, { timeoutMs: 20_000 }, () => what.exec(this.said) ?? undefined).catch((cause) => {
      throw new Error(this.said.slice(-4_000), { cause });
    });
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.child.kill(signal);
    await this.ended;
  }
}

export class Rig {
  readonly clock = new Clock();
  readonly #root = mkdtempSync(join(tmpdir(), 'axle-money-'));
  readonly #runs: Run[] = [];
  #devices!: Devices;
  #proxy!: HeldAnswers;
  #spoke!: Run;
  #agent!: Run;
  #url = '';

  get proxy(): HeldAnswers {
    return this.#proxy;
  }

  /** Devices whose counters stand at 0, and an agent that has read them. `users`: of the devices, in turn. */
  static async start(count: number, users: readonly string[]): Promise<Rig> {
    const rig = new Rig();
    try {
      await rig.#start(count, users);
    } catch (error) {
      await rig.stop();
      throw error;
    }
    return rig;
  }

  async #start(count: number, users: readonly string[]): Promise<void> {
    // Every inbox before any daemon: one that finds none backs off.
    for (const [site, peer] of [
      [HUB, SPOKE],
      [SPOKE, HUB],
    ] as const) {
      mkdirSync(this.#path(site, 'state/inbox', peer), { recursive: true });
      for (const kind of KINDS) mkdirSync(this.#path(site, 'userdata', kind), { recursive: true });
    }
    for (const user of users)
      writeFileSync(
        this.#path(HUB, 'userdata/balances', `${user}.txt`),
        JSON.stringify({ user_id: user, balance: 100 }),
      );
    const link = (site: string, peer: string) => {
      return { site: peer, link: { type: 'folder', inbox: this.#path(peer, 'state/inbox', site) } };
    };
    const own = (site: string) => {
      return { site, userdata: this.#path(site, 'userdata'), state: this.#path(site, 'state') };
    };
    this.#write('hub.yaml', { ...own(HUB), spokes: [link(HUB, SPOKE)] });
    const socket = this.#path('sidecar.sock');
    this.#write('spoke.yaml', { ...own(SPOKE), hub: link(SPOKE, HUB), sidecar: { port: 0, socket } });
    const entry = {
      name: 'miner',
      sha256: hashToken(TOKEN),
      scopes: ['miner-credits'],
      created: new Date().toISOString(),
    };
    writeTokens(this.#path(SPOKE, 'state/tokens.json'), [entry]);
    writeFileSync(this.#path('token'), TOKEN, { mode: 0o600 });
    this.#devices = await Devices.start({
      count,
      first: '127.61.0.1',
      kinds: ['antminer', 'avalon-1246'],
      ports: PORTS,
      pool_url: 'stratum+tcp://solo.ckpool.org:3333',
      now: this.clock.now,
    });
    this.#proxy = await HeldAnswers.start(socket);
    const workers = this.#devices.miners.map(({ name }, place) => [name, users[place % users.length] as string]);
    const credit: Partial<CreditConfig> = {
      sidecar: { url: `http://127.0.0.1:${this.#proxy.port}` },
      token_file: this.#path('token'),
      rate: { per_difficulty: RATE },
      period_s: PERIOD_S,
      users: { table: Object.fromEntries(workers), rules: [] },
    };
    const state = { state: this.#path('miner'), networks: [NETWORK], scan_interval_s: 0, poll_interval_s: 5 };
    this.#write('miner.yaml', { ...state, ports: PORTS, api: { port: 0 }, credit });
    const hub = this.#run('hub', 'hub.yaml');
    await this.startSpoke();
    await hub.told(/ready site=/);
    await this.startAgent();
    await this.#asked('/api/miners/scan', { method: 'POST' });
    await waitFor('all devices read', { timeoutMs: 20_000 }, async () => {
      const { miners } = await this.#asked<{ miners: { state: string }[] }>('/api/fleet');
      return miners.filter(({ state }) => state === 'online').length === count;
    });
  }

  #path(...parts: string[]): string {
    return join(this.#root, ...parts);
  }

  #write(file: string, config: object): void {
    writeFileSync(this.#path(file), stringify(config));
  }

  #run(command: string, file: string): Run {
    const run = new Run([command, '--config', this.#path(file), '--log-format', 'journal']);
    this.#runs.push(run);
    return run;
  }

  async startSpoke(): Promise<void> {
    this.#spoke = this.#run('spoke', 'spoke.yaml');
    await this.#spoke.told(/ready site=/);
  }

  /** By the agent that runs now. */
  get said(): string {
    return this.#agent.said;
  }

  /** Of the agent's page and API. */
  get url(): string {
    return this.#url;
  }

  killSpoke(): Promise<void> {
    return this.#spoke.kill('SIGKILL');
  }

  async startAgent(): Promise<void> {
    this.#agent = this.#run('miner', 'miner.yaml');
    const [, port] = await this.#agent.told(/miner API .*port=(\d+)/);
    this.#url = `http://127.0.0.1:${port}`;
  }

  endAgent(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    return this.#agent.kill(signal);
  }

  /** Of the agent that is stopped. */
  keepDatabase(): () => void {
    const kept = this.#path('kept');
    cpSync(this.#path('miner'), kept, { recursive: true });
    return () => {
      rmSync(this.#path('miner'), { recursive: true });
      cpSync(kept, this.#path('miner'), { recursive: true });
    };
  }

  async #asked<T>(path: string, init: RequestInit = {}): Promise<T> {
    const answer = await fetch(this.#url + path, init);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  held(): Promise<HeldWork[]> {
    return this.#asked('/api/credits/held');
  }

  async decide(id: number, what: 'release' | 'reject'): Promise<void> {
    const body = what === 'reject' ? JSON.stringify({ reason: 'not mined here' }) : undefined;
    const headers = { ...(body !== undefined && { 'content-type': 'application/json' }) };
    await this.#asked(`/api/credits/held/${id}/${what}`, {
      method: 'POST',
      headers,
      ...(body !== undefined && { body }),
    });
  }

  /** What `axle miner …` says on standard output; it must succeed. */
  async command(...args: string[]): Promise<string> {
    const run = new Run(['miner', ...args, '--config', this.#path('miner.yaml')]);
    if ((await run.ended) !== 0) throw new Error(run.said);
    return run.said;
  }

  statement(): Promise<StatementRow[]> {
    return this.#asked('/api/statement?group=day');
  }

  /** The sidecar's own, asked at its socket. */
  report(): Promise<ReportRow[]> {
    return new Promise((resolve, reject) => {
      const options = { socketPath: this.#path('sidecar.sock'), path: '/v1/miner-credits?group=day' };
      const headers = { authorization: `Bearer ${TOKEN}` };
      http
        .get({ ...options, headers }, (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (more: string) => {
            text += more;
          });
          answer.on('end', () => resolve((JSON.parse(text) as { days: ReportRow[] }).days));
        })
        .on('error', reject);
    });
  }

  /** As the hub's file spells it, beyond the 100 of the beginning. */
  earned(user: string): string {
    const text = readFileSync(this.#path(HUB, 'userdata/balances', `${user}.txt`), 'utf8');
    return new Big(/"balance":\s*(-?[\d.eE+-]+)/.exec(text)?.[1] ?? 'NaN').minus(100).toFixed();
  }

  /** Of all devices since they were made, which is when they were read first. */
  get mined(): Big {
    return this.#devices.miners.reduce((sum, { simulated }) => sum.plus(simulated.difficulty_ever), new Big(0));
  }

  /** Devices stand still: until all that they did is a credit, held or rejected, and the site has answered. */
  async settled(): Promise<void> {
    this.clock.stop();
    const store = FleetStore.open(this.#path('miner/fleet.db'));
    try {
      const counted = () => {
        const rows = store.db.prepare<[], { difficulty_accepted: number }>('SELECT * FROM counters').all();
        return rows.reduce((sum, one) => sum.plus(one.difficulty_accepted), new Big(0));
      };
      const waiting = store.db.prepare<[], { n: number }>(
        `SELECT (SELECT count(*) FROM works WHERE state IN ('open', 'unassigned')) +
                (SELECT count(*) FROM credits WHERE state != 'paid') AS n`,
      );
      await waitFor('all work credited', { timeoutMs: 60_000, everyMs: 200 }, () => {
        return counted().eq(this.mined) && waiting.get()?.n === 0;
      });
    } catch (cause) {
      const states = store.db.prepare('SELECT state, count(*) AS n FROM works GROUP BY 1').all();
      const credits = store.credits.list({ limit: 20 });
      throw new Error(JSON.stringify({ states, credits, said: this.#agent.said.slice(-3_000) }, null, 1), { cause });
    } finally {
      store.close();
    }
  }

  async stop(): Promise<void> {
    for (const run of this.#runs) run.child.kill('SIGTERM');
    await Promise.all(this.#runs.map(({ ended }) => ended));
    await this.#proxy?.close();
    await this.#devices?.stop();
    rmSync(this.#root, { recursive: true, force: true });
  }
}
