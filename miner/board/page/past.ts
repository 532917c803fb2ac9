/** Charts of a range that a person chooses, kept up to date while they are looked at. */
import { ApiFailure } from './api.js';
import { Charts, RANGES, type Range } from './charts.js';
import type { Context } from './context.js';
import { make, place } from './dom.js';
import type { History } from './types.js';
import * as units from './units.js';

const POINTS = 300;
const AGAIN_MS = 60_000;

/** The same for fleet and device: whoever looks at a week goes on looking at weeks. */
let range: Range = 'day';

export class Past {
  readonly #charts: Charts;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #stop = new AbortController();
  #isMissing = false;
  #load: AbortController | undefined;
  #figures: readonly (readonly [string, string])[] = [];
  /** Undefined: there is no history to count them from. */
  #shares: readonly [string, string] | undefined;

  constructor(
    readonly context: Context,
    readonly ranges: HTMLElement,
    readonly charts: HTMLElement,
    readonly whose: string,
    readonly miner_id?: number,
  ) {
    this.#charts = new Charts(charts, whose);
    ranges.replaceChildren(this.#choice());
    this.#timer = setInterval(() => void this.load(), AGAIN_MS);
    void this.load();
  }

  /** Hashrate, temperature and power as they are now, and shares where no history tells those of the range. */
  now(figures: readonly (readonly [string, string])[]): void {
    this.#figures = figures;
    this.#figure();
  }

  async load(): Promise<void> {
    this.#load?.abort();
    const load = new AbortController();
    this.#load = load;
    const [, label, length_s] = RANGES.find(([name]) => name === range) ?? RANGES[0];
    const to_s = Math.floor(this.context.now() / 1_000);
    const from_s = to_s - length_s;
    const miner = this.miner_id === undefined ? '' : `&miner_id=${this.miner_id}`;
    const path = `/api/history?from=${from_s}&to=${to_s}&points=${POINTS}${miner}`;
    try {
      const signal = AbortSignal.any([load.signal, this.#stop.signal]);
      const history = await this.context.api.get<History>(path, signal);
      this.#isMissing = false;
      this.#charts.past(history, from_s, to_s, `Nothing was recorded in this ${label.toLowerCase()} yet.`);
      this.#shares = sharesOf(history, label.toLowerCase());
    } catch (error) {
      if (load.signal.aborted || this.#stop.signal.aborted) return;
      // A copy far from the miners: figures alone are left.
      this.#isMissing = error instanceof ApiFailure && error.status === 404;
      this.#charts.past(undefined, from_s, to_s, (error as Error).message);
    }
    this.#figure();
  }

  #figure(): void {
    this.#charts.now([...this.#figures.slice(0, 3), this.#shares ?? this.#figures[3] ?? [units.NONE, '']]);
    this.ranges.hidden = this.#isMissing;
    this.charts.classList.toggle('no-history', this.#isMissing);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#stop.abort();
    this.#charts.close();
  }

  #choice(): HTMLElement {
    const group = make('fieldset', 'segments', make('legend', 'unseen', `Range of the charts of ${this.whose}`));
    for (const [name, label] of RANGES) {
      const radio = make('input');
      radio.type = 'radio';
      radio.name = `range-${this.miner_id ?? 'fleet'}`;
      radio.value = name;
      radio.checked = name === range;
      radio.addEventListener('change', () => {
        range = name;
        void this.load();
      });
      group.append(make('label', '', radio, make('span', '', label)));
    }
    return group;
  }
}

function sharesOf(history: History, label: string): readonly [string, string] | undefined {
  const accepted = total(history.shares);
  const rejected = total(history.rejected);
  if (accepted === undefined) return undefined;
  const all = accepted + (rejected ?? 0);
  const part = rejected === undefined ? '' : `, ${units.share(rejected, all)} rejected`;
  return [units.short(Math.round(accepted)), `this ${label}${part}`];
}

function total(column: readonly (number | null)[]): number | undefined {
  const known = column.filter((value) => value !== null);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0);
}

export const fleetPlaces = (): readonly [HTMLElement, HTMLElement] => [place('fleet-range'), place('fleet-charts')];
