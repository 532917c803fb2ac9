/** Small charts of the past, with the figure of now above them. uPlot draws; colours are the sheet's. */
import uPlot from 'uplot';
import { make, put } from './dom.js';
import type { History } from './types.js';
import * as units from './units.js';

export const RANGES = [
  ['day', 'Day', 86_400],
  ['week', 'Week', 7 * 86_400],
  ['month', 'Month', 31 * 86_400],
] as const;
export type Range = (typeof RANGES)[number][0];

interface Kind {
  readonly title: string;
  readonly columns: readonly (keyof Omit<History, 'step_s'>)[];
  readonly colours: readonly string[];
  readonly format: (value: number | null | undefined) => string;
  readonly isBars?: boolean;
}

const CHARTS: readonly Kind[] = [
  { title: 'Hashrate', columns: ['hashrate_hps'], colours: ['--accent'], format: units.hashrate },
  { title: 'Temperature', columns: ['temperature_c'], colours: ['--warn'], format: units.temperature },
  { title: 'Power', columns: ['power_w'], colours: ['--blue'], format: units.power },
  {
    title: 'Shares',
    columns: ['shares', 'rejected'],
    colours: ['--accent', '--bad'],
    format: units.short,
    isBars: true,
  },
];

/** So many bars at most: thinner ones are a wall. */
const BARS_MAX = 24;

/** The charts of one range, of the fleet or of one device. */
export class Charts {
  readonly #cards: Card[];
  readonly #observer: ResizeObserver;
  readonly #dark = matchMedia('(prefers-color-scheme: dark)');
  readonly #recolour = (): void => this.#draw();
  #history: History | undefined;

  constructor(
    parent: HTMLElement,
    readonly whose: string,
  ) {
    this.#cards = CHARTS.map((kind) => new Card(kind, whose));
    parent.replaceChildren(...this.#cards.map(({ element }) => element));
    this.#observer = new ResizeObserver(() => {
      for (const card of this.#cards) card.fit();
    });
    this.#observer.observe(parent);
    this.#dark.addEventListener('change', this.#recolour);
  }

  /** The figures of now, above each chart: in the order hashrate, temperature, power, shares. */
  now(figures: readonly (readonly [figure: string, rest: string])[]): void {
    this.#cards.forEach((card, index) => {
      card.now(figures[index]?.[0] ?? units.NONE, figures[index]?.[1] ?? '');
    });
  }

  /** Undefined: there is no history, and the words say why. */
  past(history: History | undefined, from_s: number, to_s: number, empty: string): void {
    this.#history = history;
    for (const card of this.#cards) card.past(history, from_s, to_s, empty);
  }

  close(): void {
    this.#observer.disconnect();
    this.#dark.removeEventListener('change', this.#recolour);
    for (const card of this.#cards) card.clear();
  }

  #draw(): void {
    if (this.#history !== undefined) for (const card of this.#cards) card.redraw();
  }
}

class Card {
  readonly element: HTMLElement;
  readonly #figure = make('b', '', units.NONE);
  readonly #rest = make('span', 'rest');
  readonly #read = make('span', 'read');
  readonly #box = make('div', 'plot');
  #plot: uPlot | undefined;
  #drawn: (() => void) | undefined;

  constructor(
    readonly kind: Kind,
    whose: string,
  ) {
    this.#box.setAttribute('role', 'img');
    this.#box.setAttribute('aria-label', `${kind.title} of ${whose}`);
    this.element = make(
      'article',
      'figure',
      make('div', 'top', make('h3', '', kind.title), this.#read),
      make('p', '', this.#figure, this.#rest),
      this.#box,
    );
  }

  now(figure: string, rest: string): void {
    put(this.#figure, figure);
    put(this.#rest, rest);
  }

  past(history: History | undefined, from_s: number, to_s: number, empty: string): void {
    const columns = this.kind.columns.map((name) => history?.[name] ?? []);
    const isEmpty = !columns.some((column) => column.some((value) => value !== null));
    if (history === undefined || isEmpty) {
      this.clear();
      this.#box.replaceChildren(make('p', 'empty', empty));
      return;
    }
    const data = (this.kind.isBars ? gathered(history.at_s, columns) : [history.at_s, ...columns]) as uPlot.AlignedData;
    if (this.#plot !== undefined) {
      this.#plot.setData(data, false);
      this.#plot.setScale('x', { min: from_s, max: to_s });
    } else {
      this.#box.replaceChildren();
      this.#plot = new uPlot(this.#options(from_s, to_s), data, this.#box);
    }
    this.#drawn = () => {
      this.clear();
      this.past(history, from_s, to_s, empty);
    };
    this.#box.setAttribute('aria-label', `${this.kind.title}: ${summary(columns[0] ?? [], this.kind.format)}`);
  }

  fit(): void {
    const width = this.#box.clientWidth;
    if (width > 0 && this.#plot !== undefined && this.#plot.width !== width)
      this.#plot.setSize({ width, height: this.#box.clientHeight });
  }

  redraw(): void {
    this.#drawn?.();
  }

  clear(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    put(this.#read, '');
  }

  #options(from_s: number, to_s: number): uPlot.Options {
    const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const { format, isBars = false } = this.kind;
    const dim = colour('--dim');
    const grid = { stroke: colour('--line'), width: 1 };
    const axis = { stroke: dim, grid, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    const bars = uPlot.paths.bars?.({ size: [0.8, 24] });
    return {
      width: Math.max(80, this.#box.clientWidth),
      height: this.#box.clientHeight,
      padding: [6, 16, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { x: { min: from_s, max: to_s }, y: { range: rangeOf(this.kind) } },
      axes: [
        { ...axis, size: 22, space: 70, values: (plot, ticks) => ticks.map((at) => tick(at, plot)) },
        {
          ...axis,
          size: (_plot, values) => 12 + 6.3 * Math.max(3, ...(values ?? []).map(({ length }) => length)),
          space: 34,
          values: (_plot, ticks) => ticks.map((value) => format(value)),
        },
      ],
      series: [
        {},
        ...this.kind.colours.map((name, index): uPlot.Series => {
          const stroke = colour(name);
          return {
            stroke,
            width: isBars ? 0 : 1.6,
            points: { show: false },
            ...(isBars ? { fill: stroke, ...(bars && { paths: bars }) } : index === 0 && { fill: `${stroke}1f` }),
          };
        }),
      ],
      hooks: { setCursor: [(plot) => this.#point(plot)] },
    };
  }

  #point(plot: uPlot): void {
    const index = plot.cursor.idx ?? -1;
    const at = plot.data[0][index];
    const values = plot.data.slice(1).map((column) => this.kind.format(column?.[index]));
    put(this.#read, at === undefined ? '' : `${moment(at)}  ${values.join(' · ')}`);
  }
}

/** Sums over as many steps as make few enough bars. */
function gathered(at_s: readonly number[], columns: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const steps = Math.max(1, Math.ceil(at_s.length / BARS_MAX));
  const groups = Array.from({ length: Math.ceil(at_s.length / steps) }, (_, group) => group * steps);
  const sums = columns.map((column) =>
    groups.map((from) => {
      const known = column.slice(from, from + steps).filter((value) => value !== null);
      return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
    }),
  );
  return [groups.map((from) => at_s[from] ?? 0), ...sums];
}

/** From 0, but for temperatures, whose changes would be lost. */
function rangeOf({ columns }: Kind): uPlot.Range.Function {
  const isTemperature = columns[0] === 'temperature_c';
  return (_plot, min, max) => {
    if (!Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
    if (isTemperature) return [Math.floor((min - 2) / 5) * 5, Math.ceil((max + 2) / 5) * 5];
    return [0, max <= 0 ? 1 : max * 1.12];
  };
}

function tick(at_s: number, plot: uPlot): string {
  const { min = 0, max = 0 } = plot.scales.x ?? {};
  const isDay = (max ?? 0) - (min ?? 0) <= 2 * 86_400;
  const date = new Date(at_s * 1_000);
  return isDay
    ? date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
    : date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
}

function moment(at_s: number): string {
  const style = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' } as const;
  return new Date(at_s * 1_000).toLocaleString('en-GB', style);
}

/** For those who do not see the chart. */
function summary(column: readonly (number | null)[], format: Kind['format']): string {
  const known = column.filter((value) => value !== null);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return known.length === 0 ? 'nothing is known' : `${format(least)} to ${format(most)}, last ${format(known.at(-1))}`;
}
