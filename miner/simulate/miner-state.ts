/** What a simulated miner does: it hashes, finds shares and counts them as long as it is not restarted. */

/** What it is sold as. */
export interface Model {
  readonly kind: Kind;
  readonly name: string;
  readonly hashrate_hps: number;
  readonly power_w: number;
  readonly temperature_c: number;
  readonly fan_rpm: number;
  /** That its pool assigns. */
  readonly difficulty: number;
}

export const KINDS = [
  'antminer',
  'avalon-nano3s',
  'avalon-q',
  'avalon-1246',
  'whatsminer2',
  'whatsminer3',
  'braiins',
  'bitaxe',
  'nerdqaxe',
  'nerdminer',
  'cgminer',
] as const;
export type Kind = (typeof KINDS)[number];

/** Difficulties so that each finds a few shares a minute. */
export const MODELS: Readonly<Record<Kind, Model>> = {
  antminer: model('antminer', 'Antminer S19 Pro', 110e12, 3_250, 78, 5_880, 65_536),
  'avalon-nano3s': model('avalon-nano3s', 'Avalon Nano3s', 6e12, 133, 82, 1_400, 8_192),
  'avalon-q': model('avalon-q', 'Avalon Q', 90e12, 1_674, 76, 2_400, 65_536),
  'avalon-1246': model('avalon-1246', 'Avalon 1246', 81e12, 3_189, 77, 5_344, 65_536),
  whatsminer2: model('whatsminer2', 'M30S+_VE40', 100e12, 3_400, 92, 4_530, 65_536),
  whatsminer3: model('whatsminer3', 'M50S_VH30', 126e12, 3_276, 79, 4_000, 65_536),
  braiins: model('braiins', 'Antminer S19', 95e12, 3_050, 71, 4_320, 65_536),
  bitaxe: model('bitaxe', 'Gamma', 1.2e12, 17, 59, 4_900, 1_024),
  nerdqaxe: model('nerdqaxe', 'NerdQAxe++', 4.8e12, 75, 61, 3_000, 4_096),
  nerdminer: model('nerdminer', 'ESP32-2432S028R', 78_500, 1, 51, 0, 0.0001),
  cgminer: model('cgminer', 'sgminer', 500e3, 150, 66, 3_000, 0.001),
};

function model(
  kind: Kind,
  name: string,
  hashrate_hps: number,
  power_w: number,
  temperature_c: number,
  fan_rpm: number,
  difficulty: number,
): Model {
  return { kind, name, hashrate_hps, power_w, temperature_c, fan_rpm, difficulty };
}

/** What is true of it at one moment. */
export interface MinerState {
  readonly model: Model;
  readonly name: string;
  readonly mac: string;
  readonly pool_url: string;
  readonly user: string;
  readonly hashrate_hps: number;
  readonly uptime_s: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly difficulty: number;
  readonly difficulty_accepted: number;
  readonly best_share: number;
  /** Seconds since 1970. */
  readonly now_s: number;
  readonly last_share_at: number;
}

export interface MinerOptions {
  readonly model: Model;
  readonly name: string;
  readonly mac: string;
  readonly pool_url: string;
  readonly user: string;
  /** Milliseconds since 1970, for the past as for the present: it never goes back. */
  readonly now: () => number;
  readonly random: () => number;
}

/** Hashes that a share of difficulty 1 takes on average. */
const HASHES_PER_DIFFICULTY = 2 ** 32;
const REJECTED_PART = 0.005;

export class SimulatedMiner {
  readonly options: MinerOptions;
  #started_ms: number;
  #advanced_ms: number;
  #accepted = 0;
  #rejected = 0;
  #difficulty: number;
  #difficulty_accepted = 0;
  #best = 0;
  #last_share_ms = 0;
  /** Shares begun: the fraction of one that is not yet found. */
  #begun = 0;
  #wrap = Number.POSITIVE_INFINITY;
  /** Of all starts together, which no miner says: what accounting must come to. */
  #difficulty_ever = 0;

  constructor(options: MinerOptions) {
    this.options = options;
    this.#started_ms = options.now();
    this.#advanced_ms = this.#started_ms;
    this.#difficulty = options.model.difficulty;
  }

  state(): MinerState {
    this.#advance();
    const { model, name, mac, pool_url, user, now, random } = this.options;
    return {
      model,
      name,
      mac,
      pool_url,
      user,
      hashrate_hps: model.hashrate_hps * (0.97 + 0.06 * random()),
      uptime_s: Math.floor((now() - this.#started_ms) / 1_000),
      accepted: this.#accepted % this.#wrap,
      rejected: this.#rejected,
      difficulty: this.#difficulty,
      difficulty_accepted: this.#difficulty_accepted % this.#wrap,
      best_share: this.#best,
      now_s: Math.floor(now() / 1_000),
      last_share_at: Math.floor(this.#last_share_ms / 1_000),
    };
  }

  /** What it has been credited by its pool, over all restarts. */
  get difficulty_ever(): number {
    this.#advance();
    return this.#difficulty_ever;
  }

  /** The mining program starts again: all that it counts is from now. */
  restart(): void {
    this.#advance();
    this.#started_ms = this.options.now();
    this.resetCounters();
  }

  /** Counters fall without a restart, as NerdQAxe does when its pool changes. */
  resetCounters(): void {
    this.#advance();
    this.#accepted = 0;
    this.#rejected = 0;
    this.#difficulty_accepted = 0;
  }

  /** The pool assigns another difficulty from now on. */
  assign(difficulty: number): void {
    this.#advance();
    this.#difficulty = difficulty;
  }

  /** Counters begin again at 0 when they reach this, as in firmware that counts in 32 bits. */
  wrapAt(limit: number): void {
    this.#wrap = limit;
  }

  #advance(): void {
    const now_ms = this.options.now();
    const passed_s = Math.max(0, now_ms - this.#advanced_ms) / 1_000;
    this.#advanced_ms = Math.max(now_ms, this.#advanced_ms);
    this.#begun += (passed_s * this.options.model.hashrate_hps) / (HASHES_PER_DIFFICULTY * this.#difficulty);
    const found = Math.floor(this.#begun);
    if (found === 0) return;
    this.#begun -= found;
    const rejected = this.options.random() < REJECTED_PART * found ? 1 : 0;
    const accepted = found - rejected;
    this.#rejected += rejected;
    this.#accepted += accepted;
    this.#difficulty_accepted += accepted * this.#difficulty;
    this.#difficulty_ever += accepted * this.#difficulty;
    this.#last_share_ms = now_ms;
    this.#best = Math.max(this.#best, Math.floor(this.#difficulty / (1 - this.options.random())));
  }
}
