/** The places of a page where the balance and the name of the money stand. */
import { shownOf, type Units } from './amount.js';

export type Terminology = { readonly currency: string; readonly fullName: string; readonly action: string };

const BALANCES = '.balance, #user-balance, #balance-display';
const CURRENCIES = '.currency, [data-currency], #user-balance-label';
/** Where nothing is known: a 0 would be a lie about somebody's money. */
const UNKNOWN = '…';
const MESSAGE_ID = 'sync-message';
const BUTTON_ID = 'sync-balance-btn';

export function terminologyOf(isMember: boolean): Terminology {
  return isMember
    ? { currency: 'coins', fullName: 'Charity Coins', action: 'Earn Coins' }
    : { currency: 'tokens', fullName: 'Guest Tokens', action: 'Earn Tokens' };
}

export function showBalance(balance: Units | undefined, { fullName }: Terminology): void {
  const text = balance === undefined ? UNKNOWN : shownOf(balance);
  for (const element of document.querySelectorAll<HTMLElement>(BALANCES))
    put(element, text, balance === undefined ? 'not known at this moment' : `${text} ${fullName}`);
}

export function showCurrency({ currency, fullName }: Terminology): void {
  for (const element of document.querySelectorAll<HTMLElement>(CURRENCIES)) put(element, currency, fullName);
}

/** A page that watches its own elements must hear of changes alone. */
function put(element: HTMLElement, text: string, title: string): void {
  if (element.textContent !== text) element.textContent = text;
  if (element.title !== title) element.title = title;
}

/** A note in the corner; for good where no `duration_ms` is given. */
export function showMessage(message: string, duration_ms?: number | null): void {
  document.getElementById(MESSAGE_ID)?.remove();
  const note = document.createElement('div');
  note.id = MESSAGE_ID;
  note.setAttribute('role', 'status');
  note.textContent = message;
  note.style.cssText =
    'position:fixed;top:4.5rem;right:1rem;z-index:10001;padding:.75rem 1.25rem;border-radius:.25rem;background:#2e7d32;color:#fff;font:14px sans-serif';
  document.body?.append(note);
  if (duration_ms) setTimeout(() => note.remove(), duration_ms);
}

export type ButtonState = 'syncing' | 'success' | 'normal';

const LABELS: Readonly<Record<ButtonState, string>> = {
  syncing: '⏳ Syncing…',
  success: '✅ Synced!',
  normal: '🔄 Sync',
};

export function showButton(state: ButtonState): void {
  const button = document.getElementById(BUTTON_ID);
  if (!(button instanceof HTMLButtonElement)) return;
  button.textContent = LABELS[state] ?? LABELS.normal;
  button.disabled = state === 'syncing' || state === 'success';
}
