/** Payout addresses that are watched, and which devices mine for each. */
import type { Context, View } from './context.js';
import { ask, attempt, confirmed, textOf } from './dialogs.js';
import { button, field, input, make, place, select, table } from './dom.js';
import { devices } from './summary.js';
import type { BoardFleet, FleetMember, Wallet } from './types.js';
import * as units from './units.js';

export class WalletsView implements View {
  readonly #root = place('view-wallets');
  #isOpen = false;
  #shown = '';

  constructor(readonly context: Context) {}

  open(): void {
    this.#isOpen = true;
    this.#shown = '';
    if (this.context.fleet !== undefined) this.show(this.context.fleet);
    void this.context.loadWallets();
  }

  close(): void {
    this.#isOpen = false;
  }

  show({ miners }: BoardFleet): void {
    if (!this.#isOpen) return;
    const { wallets } = this.context;
    const unmatched = miners.filter(
      ({ wallet_id, reading }) => wallet_id === undefined && (reading?.pools.length ?? 0) > 0,
    );
    const rows = wallets.map((wallet) => this.#row(wallet, miners));
    const shown = JSON.stringify([
      wallets,
      rows.map(({ text }) => text),
      unmatched.map(({ id, name }) => [id, name]),
      this.context.isReadOnly(),
    ]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const heads = [['Wallet'], ['Pool'], ['Devices', 'c-num'], ['Hashrate', 'c-num'], ['']] as const;
    const list =
      rows.length === 0
        ? make(
            'p',
            'empty',
            'No wallets yet. Add the address that your miners work for: devices are linked to it by themselves.',
          )
        : table(
            'Wallets',
            heads,
            rows.map(({ cells }) => cells),
            true,
          );
    this.#root.replaceChildren(
      make(
        'div',
        'bar',
        make('h2', '', 'Wallets'),
        make(
          'div',
          'row acts',
          button('Add a wallet', () => this.#add(), 'changes primary'),
        ),
      ),
      make('div', 'card inset', list),
      ...this.#unmatched(unmatched),
    );
  }

  #row(
    wallet: Wallet,
    miners: readonly FleetMember[],
  ): { readonly text: string; readonly cells: readonly (Node | string)[] } {
    const mine = miners.filter(({ wallet_id }) => wallet_id === wallet.id);
    const online = mine.filter(({ state }) => state === 'online').flatMap(({ reading }) => reading?.hashrate_hps ?? []);
    const hashrate = online.length === 0 ? units.NONE : units.hashrate(online.reduce((sum, value) => sum + value, 0));
    const name = make('div', '', make('b', '', wallet.name), make('small', 'user', wallet.address));
    const pool = this.context.pools.find(({ id }) => id === wallet.pool)?.name ?? wallet.pool;
    const actions = make(
      'div',
      'row end',
      button('Rename', () => this.#rename(wallet), 'changes quiet'),
      button('Remove', () => this.#remove(wallet, mine.length), 'changes quiet'),
    );
    const many = units.count(mine.length);
    return { text: `${many} ${hashrate}`, cells: [name, pool, many, hashrate, actions] };
  }

  #unmatched(miners: readonly FleetMember[]): HTMLElement[] {
    if (miners.length === 0) return [];
    const shown = miners.slice(0, 50).map((miner) => {
      const link = make('a', '', miner.name);
      link.href = `#/device/${miner.id}`;
      const pool = miner.reading?.pools.find(({ active }) => active) ?? miner.reading?.pools[0];
      return make(
        'li',
        '',
        make('span', 'what', link),
        make('span', 'rest', `${units.poolName(pool?.url)} · ${pool?.user ?? 'no user'}`),
      );
    });
    if (miners.length > shown.length)
      shown.push(make('li', '', `and ${units.count(miners.length - shown.length)} more`));
    return [
      make('h2', '', `${devices(miners.length)} without a wallet`),
      make(
        'p',
        'small lead',
        'Add a wallet with the address that they mine for, or open a device and link it by hand.',
      ),
      make('ul', 'list', ...shown),
    ];
  }

  async #add(): Promise<void> {
    const { pools } = this.context;
    const name = input('name', { required: '', maxlength: '100' });
    const address = input('address', { required: '', maxlength: '200', spellcheck: 'false' });
    const pool = select(
      'pool',
      pools.map(({ id, name: label }) => [id, label]),
    );
    const form = await ask(
      'Add a wallet',
      [
        field('Name', name),
        field('Address', address, 'The one that the devices have as their pool user.'),
        field('Pool', pool),
      ],
      'Add',
    );
    if (form === undefined) return;
    const body = { name: textOf(form, 'name'), address: textOf(form, 'address'), pool: textOf(form, 'pool') };
    await attempt(() => this.context.api.send('POST', '/api/wallets', body), `${body.name} is added.`);
    await this.context.loadWallets();
  }

  async #rename(wallet: Wallet): Promise<void> {
    const name = input('name', { required: '', maxlength: '100' });
    name.value = wallet.name;
    const form = await ask('Rename the wallet', [field('Name', name)], 'Rename');
    const wanted = form && textOf(form, 'name');
    if (wanted === undefined) return;
    await attempt(() => this.context.api.send('PATCH', `/api/wallets/${wallet.id}`, { name: wanted }));
    await this.context.loadWallets();
  }

  async #remove(wallet: Wallet, many: number): Promise<void> {
    const consequence = `${many === 0 ? 'No device is' : `${devices(many)} ${many === 1 ? 'is' : 'are'}`} linked to it. The address itself is not touched.`;
    if (!(await confirmed(`Remove ${wallet.name}?`, consequence, 'Remove'))) return;
    await attempt(() => this.context.api.send('DELETE', `/api/wallets/${wallet.id}`), `${wallet.name} is removed.`);
    await this.context.loadWallets();
  }
}
