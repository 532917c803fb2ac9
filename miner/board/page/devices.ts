/** The table of devices: sorted, filtered, and changed only where something differs, so that a thousand cost nothing. */
import type { Context, View } from './context.js';
import { button, make, order, place, put, setClass } from './dom.js';
import { fleetPlaces, Past } from './past.js';
import { COLUMNS, compareRows, matches, type Row, rowsOf, type SortKey } from './rows.js';
import { ScanPanel } from './scan.js';
import { HEALTH, STATES, statesOf, summaryOf } from './summary.js';
import type { BoardFleet, MinerState } from './types.js';
import * as units from './units.js';

/** Which one looks for first in these: the most. */
const DOWN_FIRST: readonly SortKey[] = ['hashrate', 'temperature', 'power', 'shares'];

export class DevicesView implements View {
  readonly #rows = new Map<number, TableRow>();
  readonly #body = place('devices').querySelector('tbody') as HTMLElement;
  readonly #filter = place<HTMLInputElement>('filter');
  readonly #chips = new Map<MinerState | 'all', HTMLButtonElement>();
  readonly #heads = new Map<SortKey, HTMLTableCellElement>();
  readonly #scan: ScanPanel;
  #state: MinerState | 'all' = 'all';
  #sort: SortKey = 'state';
  #isDown = false;
  #past: Past | undefined;
  #isOpen = false;

  constructor(readonly context: Context) {
    this.#scan = new ScanPanel(context);
    this.#filter.addEventListener('input', () => this.#draw());
    this.#makeHeads();
    for (const state of ['all', ...STATES] as const) {
      const chip = button('', () => this.#choose(state), 'chip');
      this.#chips.set(state, chip);
      place('chips').append(chip);
    }
    place('device-actions').append(
      button('Scan', () => this.#scan.ask(), 'changes'),
      button('Add', () => this.#scan.add(), 'changes'),
    );
    // A click anywhere in a row is one on its name.
    this.#body.addEventListener('click', ({ target }) => {
      const row = (target as Element).closest('tr');
      if (row !== null && !(target as Element).closest('a') && getSelection()?.isCollapsed !== false)
        location.hash = `#/device/${row.dataset.id}`;
    });
  }

  open(): void {
    this.#isOpen = true;
    const [ranges, charts] = fleetPlaces();
    this.#past ??= new Past(this.context, ranges, charts, 'the fleet');
    if (this.context.fleet !== undefined) this.show(this.context.fleet);
  }

  close(): void {
    this.#isOpen = false;
    this.#past?.close();
    this.#past = undefined;
  }

  show(fleet: BoardFleet): void {
    if (!this.#isOpen) return;
    const { health, headline, rest, figures } = summaryOf(fleet);
    put('headline', headline);
    put('headline-rest', rest);
    setClass(place('state'), `state ${health}`);
    this.#past?.now(figures);
    const states = statesOf(fleet.miners);
    for (const [state, chip] of this.#chips) {
      const many = state === 'all' ? fleet.miners.length : states[state];
      put(chip, `${state === 'all' ? 'All' : state} ${units.count(many)}`);
      chip.hidden = many === 0 && state !== 'all' && state !== this.#state;
      chip.setAttribute('aria-pressed', String(state === this.#state));
    }
    this.#draw();
  }

  #draw(): void {
    const { fleet, wallets } = this.context;
    if (fleet === undefined) return;
    const all = rowsOf(fleet, wallets, this.context.now());
    const filter = this.#filter.value.trim();
    const shown = all.filter((row) => (this.#state === 'all' || row.state === this.#state) && matches(row, filter));
    shown.sort(compareRows(this.#sort, this.#isDown));
    const ids = new Set(all.map(({ id }) => id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#rows.delete(id);
    const elements = shown.map((row) => {
      const known = this.#rows.get(row.id) ?? new TableRow(row.id);
      this.#rows.set(row.id, known);
      known.show(row);
      return known.element;
    });
    order(this.#body, elements);
    const empty = place('no-devices');
    empty.hidden = shown.length > 0;
    const isReadOnly = this.context.isReadOnly();
    const first = isReadOnly
      ? 'The agent has told of no devices.'
      : 'No devices yet. Scan looks for them in your network; Add takes one whose address you know.';
    put(empty, all.length === 0 ? first : 'No device is like that.');
  }

  #choose(state: MinerState | 'all'): void {
    this.#state = state;
    if (this.context.fleet !== undefined) this.show(this.context.fleet);
  }

  #makeHeads(): void {
    const row = make('tr');
    for (const [key, label, className] of COLUMNS) {
      const head = make(
        'th',
        className,
        button(label, () => this.#sortBy(key)),
      );
      head.scope = 'col';
      this.#heads.set(key, head);
      row.append(head);
    }
    (place('devices').querySelector('thead') as HTMLElement).append(row);
    this.#markHeads();
  }

  #sortBy(key: SortKey): void {
    this.#isDown = key === this.#sort ? !this.#isDown : DOWN_FIRST.includes(key);
    this.#sort = key;
    this.#markHeads();
    this.#draw();
  }

  #markHeads(): void {
    for (const [key, head] of this.#heads) {
      if (key === this.#sort) head.setAttribute('aria-sort', this.#isDown ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    }
  }
}

/** One row, which knows what it says. */
class TableRow {
  readonly element = make('tr');
  readonly #state = make('span', 'dot');
  readonly #name = make('a', 'name');
  readonly #about = make('small');
  readonly #trouble = make('small', 'trouble');
  readonly #hashrate = make('span');
  readonly #temperature = make('span');
  readonly #power = make('span');
  readonly #shares = make('span');
  readonly #rejected = make('small');
  readonly #pool = make('span');
  readonly #worker = make('small');
  readonly #wallet = make('span');
  #class = '';

  constructor(id: number) {
    this.element.dataset.id = String(id);
    this.#name.href = `#/device/${id}`;
    const cells = [
      [this.#state],
      [this.#name, this.#about, this.#trouble],
      [this.#hashrate],
      [this.#temperature],
      [this.#power],
      [this.#shares, this.#rejected],
      [this.#pool, this.#worker],
      [this.#wallet],
    ];
    cells.forEach((parts, index) => {
      this.element.append(make('td', COLUMNS[index]?.[2], ...parts));
    });
  }

  show(row: Row): void {
    const className = `is-${row.state}${row.isOld ? ' old' : ''}`;
    if (className !== this.#class) this.element.className = className;
    this.#class = className;
    put(this.#state, row.state);
    setClass(this.#state, `dot ${HEALTH[row.state]}`);
    put(this.#name, row.name);
    put(this.#about, row.about);
    put(this.#trouble, row.trouble);
    put(this.#hashrate, row.hashrate);
    put(this.#temperature, row.temperature);
    put(this.#power, row.power);
    put(this.#shares, row.shares);
    put(this.#rejected, row.rejected);
    put(this.#pool, row.pool);
    put(this.#worker, row.worker);
    put(this.#wallet, row.wallet);
    setClass(this.#wallet, row.isUnmatched ? 'unmatched' : '');
  }
}
