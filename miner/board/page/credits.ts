/** What users have earned: by day, what waits for a decision, what is on its way, and whose each worker is. */
import { ZERO } from '../../../common/core/amount.js';
import { ApiFailure } from './api.js';
import type { Context, View } from './context.js';
import { ask, attempt, confirmed, textOf } from './dialogs.js';
import { button, field, input, make, place, put, table } from './dom.js';
import { byDayAndUser } from './statement.js';
import type { BoardFleet, Credit, CreditStatus, HeldWork, StatementRow } from './types.js';
import * as units from './units.js';

const AGAIN_MS = 30_000;
const DAYS = 31;
const CREDITS = 50;

interface Loaded {
  readonly statement: readonly StatementRow[];
  readonly held: readonly HeldWork[];
  readonly credits: readonly Credit[];
}

export class CreditsView implements View {
  readonly #root = place('view-credits');
  readonly #state = make('section', 'state');
  readonly #headline = make('h2');
  readonly #rest = make('p');
  readonly #held = make('div');
  readonly #statement = make('div', 'card inset');
  readonly #credits = make('div', 'card inset');
  readonly #user = input('user', {
    type: 'search',
    placeholder: 'User',
    'aria-label': 'Only of this user',
    spellcheck: 'false',
  });
  #timer: ReturnType<typeof setInterval> | undefined;
  #typed: ReturnType<typeof setTimeout> | undefined;
  #load = 0;
  #shown = '';

  constructor(readonly context: Context) {
    this.#state.setAttribute('role', 'status');
    this.#state.append(this.#headline, this.#rest);
    this.#user.addEventListener('input', () => {
      clearTimeout(this.#typed);
      this.#typed = setTimeout(() => void this.#reload(), 300);
    });
    this.#root.append(
      this.#state,
      this.#held,
      make(
        'div',
        'bar',
        make('h2', '', 'By user and day'),
        this.#user,
        make(
          'div',
          'row acts',
          button('Whose is a worker?', () => this.#assign(), 'changes'),
        ),
      ),
      this.#statement,
      make('h2', '', 'Latest credits'),
      this.#credits,
    );
  }

  open(): void {
    this.#shown = '';
    this.#statement.replaceChildren(make('p', 'empty', 'Loading …'));
    this.#timer = setInterval(() => void this.#reload(), AGAIN_MS);
    if (this.context.fleet !== undefined) this.show(this.context.fleet);
    void this.#reload();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  show({ credit }: BoardFleet): void {
    const { health, headline, rest } = statusOf(credit, this.context.now());
    this.#state.className = `state ${health}`;
    put(this.#headline, headline);
    put(this.#rest, rest);
  }

  async #reload(): Promise<void> {
    this.#load += 1;
    const load = this.#load;
    const { api } = this.context;
    const user = this.#user.value.trim();
    const of = user === '' ? '' : `&user=${encodeURIComponent(user)}`;
    const from = Math.floor(this.context.now() / 1_000) - DAYS * 86_400;
    try {
      const [statement, held, credits] = await Promise.all([
        api.get<StatementRow[]>(`/api/statement?group=day&from=${from}${of}`),
        api.get<HeldWork[]>('/api/credits/held'),
        api.get<Credit[]>(`/api/credits?limit=${CREDITS}${of}`),
      ]);
      if (load === this.#load && this.#timer !== undefined) this.#draw({ statement, held, credits });
    } catch (error) {
      if (load !== this.#load) return;
      const isMissing = error instanceof ApiFailure && [404, 409, 501].includes(error.status);
      this.#shown = '';
      this.#held.replaceChildren();
      this.#credits.replaceChildren(make('p', 'empty', 'None.'));
      this.#statement.replaceChildren(
        make('p', 'empty', isMissing ? 'Nothing is credited from here.' : (error as Error).message),
      );
    }
  }

  #draw(loaded: Loaded): void {
    const shown = JSON.stringify(loaded);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { statement, held, credits } = loaded;
    this.#held.replaceChildren(
      ...(held.length === 0 ? [] : [make('h2', '', 'Waits for your decision'), this.#heldList(held)]),
    );
    const days = byDayAndUser(statement).map(({ day, user, paid, owed, refused, difficulty, is_estimate }) => [
      day === '' ? units.NONE : day,
      user,
      make('div', '', units.amount(paid), rest(owed, 'more owed'), rest(refused, 'refused')),
      `${is_estimate ? '≈ ' : ''}${units.short(Number(difficulty))}`,
    ]);
    const dayHeads = [
      ['Day', 'c-date'],
      ['User', 'c-user'],
      ['Paid', 'c-num'],
      ['Work', 'c-num wide'],
    ] as const;
    this.#statement.replaceChildren(
      days.length === 0
        ? make('p', 'empty', 'Nothing was credited in the last month.')
        : table('Credits by user and day', dayHeads, days),
    );
    const heads = [
      ['Until', 'c-date'],
      ['User', 'c-user'],
      ['Worker', 'wide'],
      ['Credits', 'c-num'],
      ['Work', 'c-num wide'],
      ['State'],
    ] as const;
    const rows = credits.map((credit) => [
      timeOf(credit.to_s * 1_000),
      credit.user,
      credit.worker,
      units.amount(credit.amount),
      `${credit.is_estimate ? '≈ ' : ''}${units.short(Number(credit.difficulty))}`,
      make(
        'div',
        '',
        make('span', `pill ${STATE_HEALTH[credit.state]}`, credit.state),
        make('small', '', credit.error ?? ''),
      ),
    ]);
    this.#credits.replaceChildren(
      rows.length === 0 ? make('p', 'empty', 'None yet.') : table('Latest credits', heads, rows),
    );
  }

  #heldList(held: readonly HeldWork[]): HTMLElement {
    const items = held.slice(0, 100).map((work) => {
      const from = new Date(work.from * 1_000).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
      const length = units.duration(work.to - work.from);
      return make(
        'li',
        'warn',
        make('span', 'what', work.worker),
        make('span', 'rest', `${units.short(Number(work.difficulty))} of difficulty in ${length} from ${from}`),
        make(
          'span',
          'row',
          button('Release', () => this.#decide(work, 'release'), 'changes'),
          button('Reject', () => this.#decide(work, 'reject'), 'changes quiet'),
        ),
        make('p', 'hint', work.reason ?? ''),
      );
    });
    return make('ul', 'list', ...items);
  }

  async #decide(work: HeldWork, verdict: 'release' | 'reject'): Promise<void> {
    const path = `/api/credits/held/${work.id}/${verdict}`;
    if (verdict === 'release') {
      if (
        await confirmed(
          `Credit the work of ${work.worker}?`,
          `${work.reason ?? ''} It is credited as if nothing had been found.`,
          'Release',
        )
      )
        await attempt(() => this.context.api.send('POST', path), 'It is credited.');
    } else {
      const reason = input('reason', { required: '', maxlength: '200' });
      const form = await ask(
        `Refuse the work of ${work.worker}?`,
        ['It is never credited.', field('Why', reason)],
        'Reject',
        true,
      );
      if (form === undefined) return;
      await attempt(
        () => this.context.api.send('POST', path, { reason: textOf(form, 'reason') ?? '' }),
        'It is refused.',
      );
    }
    await this.#reload();
  }

  async #assign(): Promise<void> {
    const worker = input('worker', { required: '', maxlength: '200', spellcheck: 'false' });
    const user = input('user', { maxlength: '100', spellcheck: 'false', placeholder: '1-andy' });
    const form = await ask(
      'Whose is a worker?',
      [
        field('Worker', worker, 'As the pool knows it: what stands behind the address.'),
        field('User', user, 'As the sites name them. Left empty: the rules of miner.yaml decide again.'),
      ],
      'Save',
    );
    const name = form && textOf(form, 'worker');
    if (form === undefined || name === undefined) return;
    const wanted = textOf(form, 'user');
    const path = `/api/worker-users/${encodeURIComponent(name)}`;
    await attempt(
      () =>
        wanted === undefined
          ? this.context.api.send('DELETE', path)
          : this.context.api.send('PUT', path, { user: wanted }),
      wanted === undefined ? `${name} is as the rules say.` : `${name} works for ${wanted}.`,
    );
    await this.#reload();
  }
}

function timeOf(at: number): HTMLElement {
  const date = new Date(at);
  return make(
    'div',
    '',
    date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' }),
    make('small', '', date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })),
  );
}

const rest = (amount: string, words: string): HTMLElement | undefined =>
  amount === ZERO ? undefined : make('small', '', `${units.amount(amount)} ${words}`);

const STATE_HEALTH = { paid: 'ok', owed: 'warn', refused: 'bad' } as const;

export function statusOf(
  credit: CreditStatus | undefined,
  now: number,
): { readonly health: string; readonly headline: string; readonly rest: string } {
  if (credit === undefined)
    return {
      health: '',
      headline: 'Shares are counted, nothing is credited',
      rest: 'A section credit: in miner.yaml sends credits to a site.',
    };
  const { owed, oldest_owed_at, refused = 0, held, unassigned, last_paid_at, error } = credit;
  const rest = [
    last_paid_at === undefined ? 'nothing was paid yet' : `last paid ${units.ago(now - last_paid_at)}`,
    unassigned > 0 && `${units.count(unassigned)} of no user: say whose the worker is`,
    error,
  ].filter((part) => part !== false && part !== undefined);
  const isLate = oldest_owed_at !== undefined && now - oldest_owed_at > LATE_MS;
  const age = oldest_owed_at === undefined ? '' : `, the oldest for ${units.duration((now - oldest_owed_at) / 1_000)}`;
  const parts = [
    owed > 0 && `${units.count(owed)} ${owed === 1 ? 'credit' : 'credits'} on the way${age}`,
    held > 0 && `${units.count(held)} held`,
    refused > 0 && `${units.count(refused)} refused`,
  ].filter((part) => part !== false);
  const isWrong = isLate || held > 0 || refused > 0 || unassigned > 0 || error !== undefined;
  const health = isLate && error !== undefined ? 'bad' : isWrong ? 'warn' : 'ok';
  return { health, headline: parts.length === 0 ? 'Everything is paid' : parts.join('; '), rest: rest.join(' · ') };
}

/** Credits go out every few minutes; what waits for longer has a reason. */
const LATE_MS = 30 * 60_000;
