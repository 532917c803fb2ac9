/** What pages call: every method of the sites' former script, for visitors and for members. */
import { Account } from './account.js';
import { numberOf, type Units, unitsOf } from './amount.js';
import { Claims } from './claims.js';
import {
  type ButtonState,
  showBalance,
  showButton,
  showCurrency,
  showMessage,
  type Terminology,
  terminologyOf,
} from './displays.js';
import { GUEST_KEY, type GuestTransaction, GuestTransactions } from './guest.js';
import { INSUFFICIENT } from './outcome.js';
import { PhpServer } from './php-server.js';
import type { Server, Token } from './server.js';
import { GUEST, type Session, sessionOf } from './session.js';
import type { Settings } from './settings.js';
import { SidecarServer } from './sidecar-server.js';
import type { Box } from './storage.js';
import { durationText, Tasks } from './tasks.js';

export type Result =
  | { readonly success: true; readonly balance?: number; readonly pending?: true }
  | { readonly success: false; readonly error: string; readonly balance?: number };

/** How long a spend waits for the server's word; then it counts and stays pending. */
const SPEND_MS_MAX = 2_500;
/** Sessions end without anybody saying so. */
const LOOK_MS = 15_000;
const NO_AMOUNT = 'Invalid amount';
const NO_BALANCE = 'Balance not available';

export class UnifiedBalance {
  readonly #box: Box;
  readonly #settings: Settings;
  readonly #guest: GuestTransactions;
  readonly #claims: Claims;
  readonly #tasks: Tasks;
  readonly #sidecar: SidecarServer | undefined;
  readonly #server: Server;
  #session: Session;
  #account: Account | undefined;
  #isListening = false;

  constructor(box: Box, settings: Settings, token: Token) {
    this.#box = box;
    this.#settings = settings;
    this.#guest = new GuestTransactions(box, Date.now, Math.random);
    this.#claims = new Claims(box, Date.now);
    this.#tasks = new Tasks(box, Date.now);
    const { sidecar, api, site, writes } = settings;
    this.#sidecar = sidecar === undefined ? undefined : new SidecarServer(sidecar, token);
    this.#server = writes === 'sidecar' && this.#sidecar ? this.#sidecar : new PhpServer(api, site, token);
    this.#session = this.#look();
  }

  /** Begins to work; called once, after the globals are there. */
  start(): void {
    this.#enter();
    this.setupCrossSiteSync();
    setInterval(() => this.refreshLoginStatus(), LOOK_MS);
  }

  // ---- Balances

  /** Rejects where the balance could not be read and is not known from before: never 0 instead. */
  async getBalance(): Promise<number> {
    return this.#account === undefined ? this.getGuestBalance() : this.getRealBalance();
  }

  async getRealBalance(): Promise<number> {
    if (this.#account === undefined) return this.getGuestBalance();
    return numberOf(await this.#account.balance());
  }

  getGuestBalance(): number {
    return numberOf(this.#guest.balance());
  }

  /** A negative amount is a spend: games hand in what is left of win and bet. */
  async addBalance(amount: number, source?: string, description?: string): Promise<Result> {
    if (amount < 0) return this.subtractBalance(-amount, source, description);
    if (this.#account === undefined) return this.addGuestBalance(amount, source, description);
    const units = positive(amount);
    if (units === undefined) return { success: false, error: NO_AMOUNT };
    if (units > 0n) this.#account.add(units, source, description);
    return { success: true, ...this.#balanceField() };
  }

  /** A member's spend waits a moment for the server: what another site has spent already cannot be spent here. */
  async subtractBalance(amount: number, source?: string, description?: string): Promise<Result> {
    const account = this.#account;
    if (account === undefined) return this.subtractGuestBalance(amount, source, description);
    const units = positive(amount);
    if (units === undefined) return { success: false, error: NO_AMOUNT };
    if (units === 0n) return { success: true, ...this.#balanceField() };
    if (account.shown === undefined) await account.read().catch(() => {});
    const { shown } = account;
    if (shown === undefined) return { success: false, error: NO_BALANCE };
    if (shown < units) {
      // Somebody may have been paid elsewhere a moment ago.
      await account.read().catch(() => {});
      if ((account.shown ?? 0n) < units) return { success: false, error: INSUFFICIENT, ...this.#balanceField() };
    }
    const { key } = account.add(-units, source, description);
    const outcome = await account.outcomeOf(key, navigator.onLine ? SPEND_MS_MAX : 0);
    if (outcome?.kind === 'refused') return { success: false, error: outcome.reason, ...this.#balanceField() };
    return { success: true, ...(outcome === undefined && { pending: true }), ...this.#balanceField() };
  }

  // ---- Visitors

  getGuestTransactions(): GuestTransaction[] {
    return this.#guest.list();
  }

  saveGuestTransaction(
    type: 'earn' | 'spend',
    amount: number,
    source?: string,
    description?: string,
  ): GuestTransaction {
    return this.#guest.save(type, amount, source, description);
  }

  addGuestBalance(amount: number, source?: string, description?: string): Result {
    const units = positive(amount);
    if (units === undefined) return { success: false, error: NO_AMOUNT };
    if (units > 0n) this.#guest.save('earn', amount, source, description);
    this.updateBalanceDisplaysSync();
    return { success: true, balance: this.getGuestBalance() };
  }

  subtractGuestBalance(amount: number, source?: string, description?: string): Result {
    const units = positive(amount);
    if (units === undefined) return { success: false, error: NO_AMOUNT };
    if (this.#guest.balance() < units) return { success: false, error: INSUFFICIENT };
    if (units > 0n) this.#guest.save('spend', amount, source, description);
    this.updateBalanceDisplaysSync();
    return { success: true, balance: this.getGuestBalance() };
  }

  clearGuestData(): void {
    this.#guest.clear();
    this.updateBalanceDisplaysSync();
  }

  // ---- Keeping in step

  /** Sends what is pending. Resolves when it was sent or has to wait. */
  async flushNetChange(_trigger?: string): Promise<void> {
    await this.#account?.flusher.flush();
  }

  async syncBalance(): Promise<void> {
    const account = this.#account;
    if (account === undefined) {
      this.showSyncMessage('Please log in to sync your balance', 3000);
      return;
    }
    this.updateSyncButton('syncing');
    try {
      account.flusher.wake();
      await account.flusher.flush();
      await account.read();
      this.showSyncMessage('Balance synced', 2000);
      this.updateSyncButton('success');
      setTimeout(() => this.updateSyncButton('normal'), 2000);
    } catch {
      this.showSyncMessage('The balance could not be read. Please try again.', 3000);
      this.updateSyncButton('normal');
    }
    this.updateBalanceDisplaysSync();
  }

  syncNow(): Promise<void> {
    return this.syncBalance();
  }

  syncFromOtherSite(): Promise<void> {
    return this.syncBalance();
  }

  /** Listens for what happens to the page; once, however often it is called. */
  setupCrossSiteSync(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    addEventListener('pagehide', () => this.#account?.leave());
    addEventListener('pageshow', ({ persisted }) => {
      if (!persisted) return;
      this.refreshLoginStatus();
      this.#account?.resume();
      this.#account?.wake();
    });
    addEventListener('online', () => this.#account?.wake());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.#account?.wake();
      else void this.flushNetChange();
    });
    addEventListener('storage', ({ key, newValue }) => {
      if (key === GUEST_KEY) this.#guest.heard(newValue);
      this.refreshLoginStatus();
      if (key === null || key === GUEST_KEY || this.#account?.pending.owns(key)) this.updateBalanceDisplaysSync();
    });
  }

  /** Opens the site's own session, where it has such a thing. */
  async initSession(): Promise<boolean> {
    return (await this.#account?.signIn().catch(() => false)) ?? false;
  }

  /** A game is about to take this much: where it seems not to be there, the balance is read anew. */
  async checkManipulation(cost = 0): Promise<void> {
    const shown = this.#account?.shown;
    if (this.#account === undefined || (shown !== undefined && shown >= (unitsOf(cost) ?? 0n))) return;
    await this.#account.read().catch(() => {});
    this.updateBalanceDisplaysSync();
  }

  // ---- Who it is

  get isLoggedIn(): boolean {
    return this.#account !== undefined;
  }

  get userId(): string {
    return this.#session.userId;
  }

  get siteId(): string {
    return this.#settings.site;
  }

  /** What the server has confirmed; NaN where that is not known. */
  get fileBalance(): number {
    if (this.#account === undefined) return this.getGuestBalance();
    const { confirmed } = this.#account.state;
    return confirmed === undefined ? Number.NaN : numberOf(confirmed);
  }

  /** What is still on its way. */
  get netChange(): number {
    return this.#account === undefined ? 0 : numberOf(this.#account.pending.total());
  }

  getValidUsername(): string | null {
    return this.#look().username;
  }

  getUserIdFromToken(): string {
    return this.#look().userId;
  }

  getCombinedUserIdFromToken(): string {
    return this.#look().user;
  }

  /** Looks again who is signed in; a page that signs somebody in need not be reloaded. */
  refreshLoginStatus(): void {
    const before = this.#session.user;
    this.#session = this.#look();
    if (this.#session.user === before) return;
    this.#account?.stop();
    this.#account = undefined;
    this.#enter();
    (globalThis as { updateLoginUI?: () => void }).updateLoginUI?.();
  }

  // ---- What is shown

  getTerminology(): Terminology {
    return terminologyOf(this.isLoggedIn);
  }

  /** From what is known, without asking anybody. */
  updateBalanceDisplaysSync(): void {
    const terms = this.getTerminology();
    showBalance(this.#account === undefined ? this.#guest.balance() : this.#account.shown, terms);
    showCurrency(terms);
  }

  updateCurrencyDisplay(): void {
    showCurrency(this.getTerminology());
  }

  showSyncMessage(message: string, duration_ms?: number | null): void {
    showMessage(message, duration_ms);
  }

  updateSyncButton(state: ButtonState): void {
    showButton(state);
  }

  // ---- Tasks of clickforcharity

  getCompletedTasks(): Record<string, string> {
    return this.#tasks.completed();
  }

  isTaskCompleted(id: string): boolean {
    return this.#tasks.completed()[id] !== undefined;
  }

  markTaskCompleted(id: string): void {
    this.#tasks.complete(id);
  }

  isPTCAdCompleted(id: string): boolean {
    return this.#tasks.isAdCompleted(id);
  }

  getPTCAdTimeRemaining(id: string): number {
    return this.#tasks.adTimeLeft_ms(id);
  }

  formatTimeRemaining(ms: number): string {
    return durationText(ms);
  }

  cleanupExpiredAdCompletions(offered: readonly string[]): void {
    this.#tasks.keepCompleted('ad_', offered);
  }

  cleanupExpiredSimpleTaskCompletions(offered: readonly string[]): void {
    this.#tasks.keepCompleted('simple_', offered);
  }

  getTotalPTCTasksCompleted(): number {
    return this.#tasks.adsCompleted();
  }

  incrementPTCTasksCompleted(): number {
    return this.#tasks.countAd();
  }

  getSkippedTasks(): Record<string, string> {
    return this.#tasks.skipped();
  }

  isTaskSkipped(id: string): boolean {
    return this.#tasks.skipped()[id] !== undefined;
  }

  markTaskSkipped(id: string): void {
    this.#tasks.skip(id);
  }

  unskipTask(id: string): void {
    this.#tasks.unskip(id);
  }

  getTaskSkipTimestamp(id: string): string | null {
    return this.#tasks.skipped()[id] ?? null;
  }

  // ---- Inside

  #look(): Session {
    return sessionOf((key) => this.#box.get(key), Date.now());
  }

  #enter(): void {
    const { user, username } = this.#session;
    if (user !== GUEST) {
      this.#claims.take(user, this.#guest);
      this.#account = new Account(
        {
          box: this.#box,
          server: this.#server,
          events: this.#sidecar,
          poll_ms: this.#settings.poll_ms,
          claims: this.#claims,
          onChange: () => this.#changed(),
          onSignedOut: (isSignedOut) => this.#signedOut(isSignedOut),
          onRefused: ({ amount, source }, reason) => {
            dispatchEvent(new CustomEvent('axle:refused', { detail: { amount, source, reason } }));
            this.showSyncMessage(`Not carried out: ${amount} (${source}): ${reason}`, 6000);
          },
        },
        user,
        username ?? '',
      );
      this.#account.start();
    }
    this.#changed();
  }

  /** For pages that show more than the usual places: `addEventListener('axle:balance', …)`. */
  #changed(): void {
    this.updateBalanceDisplaysSync();
    dispatchEvent(new CustomEvent('axle:balance', { detail: this.#balanceField() }));
  }

  /** The note stays until it is over: who goes on without knowing would take for theirs what nobody has confirmed. */
  #signedOut(isSignedOut: boolean): void {
    if (!isSignedOut) {
      this.showSyncMessage('Signed in again', 2000);
      return;
    }
    dispatchEvent(new CustomEvent('axle:signed-out', { detail: { pending: this.netChange } }));
    this.showSyncMessage('Please sign in again. What you have earned and spent since is kept, and counts then.');
  }

  #balanceField(): { balance?: number } {
    const shown = this.#account === undefined ? this.#guest.balance() : this.#account.shown;
    return shown === undefined ? {} : { balance: numberOf(shown) };
  }
}

function positive(amount: unknown): Units | undefined {
  const units = unitsOf(amount);
  return units === undefined || units < 0n ? undefined : units;
}
