/** One device: its past, all that it says of itself, where it mines, and what can be done with it. */
import type { Context, View } from './context.js';
import { ask, attempt, confirmed, tell, textOf } from './dialogs.js';
import { button, facts, field, input, make, place, put, select, setClass, table } from './dom.js';
import { Past } from './past.js';
import { placeOf } from './rows.js';
import { HEALTH } from './summary.js';
import type { BoardFleet, FleetMember, MinerConfig } from './types.js';
import * as units from './units.js';

export class DeviceView implements View {
  readonly #root = place('view-device');
  #parts: Parts | undefined;
  #id = 0;

  constructor(readonly context: Context) {}

  open(id: string | undefined): void {
    this.#id = Number(id);
    this.#parts = undefined;
    this.#root.replaceChildren(make('p', 'empty', 'Loading …'));
    if (this.context.fleet !== undefined) this.show(this.context.fleet);
  }

  close(): void {
    this.#parts?.past.close();
    this.#parts = undefined;
  }

  show(fleet: BoardFleet): void {
    const member = fleet.miners.find(({ id }) => id === this.#id);
    if (member === undefined) {
      this.close();
      this.#root.replaceChildren(back(), make('p', 'empty', 'There is no such device any more.'));
      return;
    }
    if (this.#parts === undefined) {
      this.#parts = new Parts(this.context, member);
      this.#root.replaceChildren(...this.#parts.elements);
    }
    this.#parts.show(member);
  }
}

/** What is on the page for one device: made once, filled again and again. */
class Parts {
  readonly past: Past;
  readonly elements: readonly HTMLElement[];
  readonly #name = make('h2');
  readonly #state = make('span', 'pill');
  readonly #about = make('p', 'small');
  readonly #trouble = make('p', 'hint');
  readonly #details = make('div', 'card inset');
  readonly #pools = make('div', 'card inset');
  readonly #able: HTMLButtonElement;
  #member: FleetMember;
  #configs: readonly MinerConfig[] | undefined;
  #configsText = 'Loading …';
  #shown = '';

  constructor(
    readonly context: Context,
    member: FleetMember,
  ) {
    this.#member = member;
    const ranges = make('div', 'ranges');
    const charts = make('div', 'charts');
    this.#able = button('', () => this.#enable(), 'changes');
    const actions = make(
      'div',
      'row acts',
      button('Rename', () => this.#rename(), 'changes'),
      this.#able,
      button('Remove', () => this.#remove(), 'changes danger'),
    );
    this.elements = [
      back(),
      make(
        'div',
        'bar device-head',
        make('div', 'grow', make('div', 'row', this.#name, this.#state), this.#about, this.#trouble),
        actions,
      ),
      make('section', '', ranges, charts),
      make('h2', '', 'Pools'),
      this.#pools,
      make('h2', '', 'What it says'),
      this.#details,
    ];
    this.past = new Past(context, ranges, charts, member.name, member.id);
    void this.#loadConfigs();
  }

  show(member: FleetMember): void {
    this.#member = member;
    const { name, state, at, error, reading } = member;
    const age = at === undefined ? 'never read' : `read ${units.ago(this.context.now() - at)}`;
    put(this.#name, name);
    put(this.#state, state);
    setClass(this.#state, `pill ${HEALTH[state]}`);
    put(
      this.#about,
      [member.model ?? member.miner_type, placeOf(member), state === 'disabled' ? '' : age].filter(Boolean).join(' · '),
    );
    put(this.#trouble, error === undefined || state === 'disabled' ? '' : error);
    put(this.#able, state === 'disabled' ? 'Enable' : 'Disable');
    const isNow = state === 'online' || state === 'stale';
    const old = state === 'stale' && at !== undefined ? `${units.ago(this.context.now() - at)}` : '';
    this.past.now([
      [units.hashrate(isNow ? reading?.hashrate_hps : undefined), old],
      [units.temperature(isNow ? reading?.temperature_c : undefined), old],
      [
        units.power(isNow ? reading?.power_w : undefined),
        old || known(units.efficiency(reading?.power_w, isNow ? reading?.hashrate_hps : undefined)),
      ],
      [units.short(isNow ? reading?.shares_accepted : undefined), 'since it started'],
    ]);
    // Drawn anew only where it says something else, or the selection and the scroll of a reader would be lost.
    const shown = JSON.stringify([
      reading,
      member.wallet_id,
      member.mac,
      this.#configs,
      this.context.wallets,
      this.context.isReadOnly(),
    ]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#details.replaceChildren(...detailsOf(member));
    refill(this.#pools, this.#poolsOf(member));
  }

  async #loadConfigs(): Promise<void> {
    try {
      const answer = await this.context.api.get<MinerConfig[]>(`/api/miners/${this.#member.id}/configs`);
      this.#configs = answer.filter(({ active }) => active);
    } catch (error) {
      this.#configsText = this.context.isReadOnly() ? '' : (error as Error).message;
    }
    this.#shown = '';
    this.show(this.#member);
  }

  #poolsOf({ reading }: FleetMember): HTMLElement[] {
    const pools = reading?.pools ?? [];
    if (this.#configs === undefined || this.#configs.length === 0) {
      if (pools.length === 0)
        return [
          make('p', 'empty', this.#configs === undefined && this.#configsText ? this.#configsText : 'It says no pool.'),
        ];
      const rows = pools.map(({ url, user, active, shares_accepted }) => [
        units.poolName(url),
        user ?? units.NONE,
        active ? 'mines here' : '',
        units.short(shares_accepted),
      ]);
      return [table('Pools', [['Pool'], ['User'], [''], ['Shares', 'c-num']], rows, true)];
    }
    const rows = this.#configs.map((config) => {
      const live = pools.find(({ url, user }) => url === config.pool_url && user === config.pool_user);
      return [
        make(
          'span',
          '',
          units.poolName(config.pool_url),
          live?.active === true && make('span', 'pill ok', 'mines here'),
        ),
        make('span', 'user', config.pool_user),
        units.short(live?.shares_accepted),
        this.#link(config),
      ];
    });
    return [table('Pools', [['Pool'], ['User'], ['Shares', 'c-num'], ['Wallet']], rows, true)];
  }

  /** Which wallet it is, or why it is none, and the way to say so by hand. */
  #link(config: MinerConfig): HTMLElement {
    const { wallet_id, reason, linked } = config;
    const wallet = this.context.wallets.find(({ id }) => id === wallet_id);
    const how = linked === 'manual' ? 'linked by hand' : (reason ?? '');
    const text = make(
      'div',
      '',
      make(
        'span',
        wallet_id === null ? 'unmatched' : '',
        wallet_id === null ? 'unmatched' : (wallet?.name ?? `wallet ${wallet_id}`),
      ),
      make('small', '', how),
    );
    return make(
      'div',
      'row',
      text,
      button(wallet_id === null ? 'Link' : 'Change', () => this.#chooseWallet(config), 'changes quiet'),
    );
  }

  async #chooseWallet({ id: config_id, linked }: MinerConfig): Promise<void> {
    const { wallets, api } = this.context;
    const { id, name } = this.#member;
    if (wallets.length === 0) {
      tell('There is no wallet yet: add one first.');
      location.hash = '#/wallets';
      return;
    }
    const options = wallets.map(
      (wallet) => [String(wallet.id), `${wallet.name} (${units.shortened(wallet.address)})`] as const,
    );
    // Of all that it mines at: the rules decide for a device, not for one of its pools.
    const byRule = linked === 'manual' ? [['', 'As the rules find it'] as const] : [];
    const choice = select('wallet', [...options, ...byRule]);
    const form = await ask(
      'Link to a wallet',
      [field('Wallet', choice, 'A link by hand wins over what is found by itself.')],
      'Link',
    );
    if (form === undefined) return;
    const wallet = textOf(form, 'wallet');
    const path = `/api/miners/${id}/link-wallet`;
    if (wallet === undefined) await attempt(() => api.send('DELETE', path), `${name} is linked by the rules.`);
    else
      await attempt(() => api.send('POST', `${path}?wallet_id=${wallet}&config_id=${config_id}`), `${name} is linked.`);
    await this.#loadConfigs();
  }

  async #rename(): Promise<void> {
    const name = input('name', { required: '', maxlength: '100' });
    name.value = this.#member.name;
    const form = await ask('Rename the device', [field('Name', name)], 'Rename');
    const wanted = form && textOf(form, 'name');
    if (wanted !== undefined) await this.#change({ name: wanted }, `It is called ${wanted} now.`);
  }

  async #enable(): Promise<void> {
    const enabled = this.#member.state === 'disabled';
    const done = enabled ? `${this.#member.name} is read again.` : `${this.#member.name} is no longer read.`;
    await this.#change({ enabled }, done);
  }

  async #change(change: object, done: string): Promise<void> {
    await attempt(() => this.context.api.send('PATCH', `/api/miners/${this.#member.id}`, change), done);
  }

  async #remove(): Promise<void> {
    const { id, name } = this.#member;
    const consequence = 'Its history goes with it; credits that were earned stay. A scan finds it again, as new.';
    if (!(await confirmed(`Remove ${name}?`, consequence, 'Remove'))) return;
    const done = await attempt(async () => {
      await this.context.api.send('DELETE', `/api/miners/${id}`);
      return true;
    }, `${name} is removed.`);
    if (done) location.hash = '#/';
  }
}

/** Who stands on a button in it stands on the same one afterwards. */
function refill(box: HTMLElement, content: readonly HTMLElement[]): void {
  const focused = [...box.querySelectorAll('button')].indexOf(document.activeElement as HTMLButtonElement);
  box.replaceChildren(...content);
  box.querySelectorAll('button')[focused]?.focus();
}

function back(): HTMLElement {
  const link = make('a', 'back', '← Devices');
  link.href = '#/';
  return link;
}

const known = (text: string): string => (text === units.NONE ? '' : text);

function detailsOf(member: FleetMember): HTMLElement[] {
  const { reading } = member;
  if (reading === undefined) return [make('p', 'empty', 'It has not been read yet.')];
  const volts = reading.voltage_v;
  const parts: HTMLElement[] = [
    facts([
      ['Make and model', units.makeAndModel(reading.make, reading.model ?? member.model)],
      ['Firmware', reading.firmware ?? member.firmware],
      ['Read as', reading.family],
      ['MAC', reading.mac ?? member.mac],
      ['Serial', reading.serial],
      ['Running for', units.duration(reading.uptime_s)],
      ['Mean hashrate', units.hashrate(reading.hashrate_avg_hps)],
      ['Nominal', units.hashrate(reading.hashrate_nominal_hps)],
      ['Air', units.temperature(reading.ambient_c)],
      ['Power limit', units.power(reading.power_limit_w)],
      ['Supply', volts === undefined ? undefined : `${volts.toFixed(1)} V`],
      ['Accepted', units.count(reading.shares_accepted)],
      ['Rejected', units.count(reading.shares_rejected)],
      ['Stale shares', units.count(reading.shares_stale)],
      [
        reading.is_difficulty_estimated ? 'Estimated difficulty' : 'Accepted difficulty',
        units.short(reading.difficulty_accepted),
      ],
      ['Best share', units.short(reading.best_share)],
      ['Blocks', units.count(reading.blocks_found)],
      ['Hardware errors', units.count(reading.hardware_errors)],
      ['Wi-Fi', reading.rssi_dbm === undefined ? undefined : `${reading.rssi_dbm} dBm`],
      ['Fans', fansOf(reading.fans)],
    ]),
  ];
  if (reading.boards.length > 0) {
    const rows = reading.boards.map((board) => [
      String(board.index),
      units.hashrate(board.hashrate_hps ?? board.hashrate_avg_hps),
      units.temperature(board.chip_c),
      units.temperature(board.board_c),
      units.count(board.chips),
    ]);
    const heads = [
      ['Board'],
      ['Hashrate', 'c-num'],
      ['Chip temp.', 'c-num'],
      ['Board temp.', 'c-num wide'],
      ['Chips', 'c-num wide'],
    ] as const;
    parts.push(table('Boards', heads, rows));
  }
  return parts;
}

function fansOf(fans: readonly { readonly rpm?: number; readonly percent?: number }[]): string | undefined {
  const turns = fans.flatMap(({ rpm }) => (rpm === undefined ? [] : [units.count(rpm)]));
  if (turns.length > 0) return `${turns.join(' · ')} rpm`;
  const percents = fans.flatMap(({ percent }) => (percent === undefined ? [] : [String(percent)]));
  return percents.length === 0 ? undefined : `${percents.join(' · ')} %`;
}
