/** A simulated miner to which things happen, with what must be known to judge its credits. Asked without a network. */
import type { MinerReading } from '../../miner/adapters/reading.js';
import type { Device, HttpRequest } from '../../miner/readers/device.js';
import { EXAMPLE_WALLET } from '../../miner/simulate/fleet.js';
import { type Kind, MODELS, SimulatedMiner } from '../../miner/simulate/miner-state.js';
import { rpcAnswers } from '../../miner/simulate/replies/cgminer.js';
import { httpAnswer } from '../../miner/simulate/replies/http.js';
import { whatsminer3Answer } from '../../miner/simulate/replies/whatsminer3.js';

const HOUR_MS = 3_600_000;
/** How long things take to happen again, on average. */
const RESTART_MS = 16 * HOUR_MS;
const RESET_MS = 30 * HOUR_MS;
const VARDIFF_MS = 2 * HOUR_MS;
const OUTAGE_MS = 24 * HOUR_MS;
const OUTAGE_MS_MAX = 2 * HOUR_MS;
const LOST_PART = 0.02;

export class WatchedMiner implements Device {
  readonly address = '127.0.0.1';
  readonly name: string;
  readonly mac: string;
  restarts = 0;
  resets = 0;
  lost_replies = 0;
  unseen = 0;
  hidden = 0;
  isSilent = false;
  readonly #miner: SimulatedMiner;
  readonly #random: () => number;
  readonly #now: () => number;
  #silent_until = 0;
  #first: number | undefined;
  #seen_ever = 0;
  /** As the last reading showed them. */
  #shown: { readonly counter: number; readonly uptime_s: number } | undefined;
  #hasFallen = false;

  constructor(
    readonly kind: Kind,
    place: number,
    now: () => number,
    random: () => number,
  ) {
    this.#now = now;
    this.#random = random;
    const number = String(place + 1).padStart(3, '0');
    this.name = `${kind}-${number}`;
    const id = Object.keys(MODELS).indexOf(kind);
    this.mac = `02:be:00:00:${id.toString(16).padStart(2, '0')}:${(place + 1).toString(16).padStart(2, '0')}`;
    this.#miner = new SimulatedMiner({
      model: MODELS[kind],
      name: this.name,
      mac: this.mac,
      pool_url: 'stratum+tcp://solo.ckpool.org:3333',
      user: `${EXAMPLE_WALLET}.${this.name}`,
      now,
      random,
    });
  }

  /** What happens to it in this time, and whether it answers. */
  live(passed_ms: number): void {
    const happens = (every_ms: number) => this.#random() < passed_ms / every_ms;
    const hasStarted = this.#first !== undefined;
    if (hasStarted && happens(RESTART_MS)) {
      this.#hide();
      this.#miner.restart();
      this.restarts += 1;
    }
    if (hasStarted && happens(RESET_MS)) {
      this.#hide();
      this.#miner.resetCounters();
      this.resets += 1;
    }
    if (happens(VARDIFF_MS)) this.#miner.assign(MODELS[this.kind].difficulty * 2 ** Math.floor(this.#random() * 5 - 2));
    if (happens(OUTAGE_MS)) this.#silent_until = this.#now() + this.#random() * OUTAGE_MS_MAX;
    this.isSilent = this.#now() < this.#silent_until || this.#random() < LOST_PART;
    if (this.isSilent) this.lost_replies += 1;
  }

  /** It has been read and the reading is stored. */
  seen({ uptime_s = 0 }: MinerReading): void {
    const { difficulty_accepted: counter } = this.#miner.state();
    const before = this.#shown;
    // Neither its counter nor its time shows that it began again.
    if (this.#hasFallen && before !== undefined && counter >= before.counter && uptime_s >= before.uptime_s)
      this.hidden += before.counter;
    this.#hasFallen = false;
    this.#shown = { counter, uptime_s };
    this.#seen_ever = this.#miner.difficulty_ever;
    this.#first ??= this.#seen_ever;
  }

  /** Since the first reading, until the last one. */
  get accepted(): number {
    return this.#seen_ever - (this.#first ?? this.#seen_ever);
  }

  async rpc(command: string): Promise<string> {
    const answers = rpcAnswers(this.#miner.state());
    if (answers === undefined) throw new Error('nobody listens');
    const unknown = { STATUS: [{ STATUS: 'E', Msg: 'Invalid command' }] };
    const of = (name: string) => answers[name] ?? unknown;
    return JSON.stringify(
      command.includes('+') ? Object.fromEntries(command.split('+').map((each) => [each, [of(each)]])) : of(command),
    );
  }

  async whatsminer(command: string, parameter = ''): Promise<string> {
    if (this.kind !== 'whatsminer3') throw new Error('nobody listens');
    return JSON.stringify(whatsminer3Answer(this.#miner.state(), command, parameter));
  }

  async http({ path, headers = {}, body }: HttpRequest): Promise<string> {
    const asked = {
      method: body === undefined ? 'GET' : 'POST',
      path: path.replace(/\?.*$/, ''),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
      body: body === undefined ? '' : JSON.stringify(body),
    };
    const page = httpAnswer(this.#miner.state(), asked);
    if (page === undefined || page.status >= 400) throw new Error(`answers ${page?.status ?? 404}`);
    return page.body;
  }

  /** What it has mined since it was read last will be shown by no counter. */
  #hide(): void {
    const ever = this.#miner.difficulty_ever;
    this.unseen += ever - this.#seen_ever;
    this.#seen_ever = ever;
    this.#hasFallen = true;
  }
}
