/** The script itself: one object for the page, under both names, and the functions beside it. */

import { UnifiedBalance } from './page-balance.js';
import { settingsOf } from './settings.js';
import { StorageBox } from './storage.js';
import { isTokenOf } from './token.js';

/** Where the sites' older pages keep the auth server's token. */
const TOKEN_KEY = 'jwt_token';

declare global {
  interface Window {
    unifiedBalance?: UnifiedBalance;
    UnifiedBalance?: UnifiedBalance;
    /** For pages that have the token elsewhere. */
    axleToken?: () => string | undefined;
  }
}

// Two tags, or the script in a bundle and in the page, are still one balance.
if (window.unifiedBalance === undefined) {
  const box = new StorageBox(() => window.localStorage);
  const given = new URLSearchParams(location.search).get('jwt');
  const settings = settingsOf({ ...(document.currentScript as HTMLScriptElement | null)?.dataset }, location.hostname);
  // Back from the sign-in: the next page needs it too, for the sidecar and to open PHP's session.
  if (given !== null) box.set(TOKEN_KEY, given);
  const token = (user: string): string | undefined =>
    [window.axleToken?.(), given, box.get(TOKEN_KEY)].find((one) => one && isTokenOf(user, one, Date.now())) ??
    undefined;
  const balance = new UnifiedBalance(box, settings, token);
  const updateBalanceDisplays = async (): Promise<void> => {
    // A failed read leaves what is known, and is said elsewhere.
    await balance.getBalance().catch(() => {});
    balance.updateBalanceDisplaysSync();
  };
  Object.assign(window, {
    unifiedBalance: balance,
    UnifiedBalance: balance,
    getBalance: () => balance.getBalance(),
    addBalance: (amount: number, source?: string, description?: string) =>
      balance.addBalance(amount, source, description),
    subtractBalance: (amount: number, source?: string, description?: string) =>
      balance.subtractBalance(amount, source, description),
    getTerminology: () => balance.getTerminology(),
    updateBalanceDisplays,
    updateCurrencyDisplays: () => balance.updateCurrencyDisplay(),
    checkManipulation: (cost?: number) => balance.checkManipulation(cost),
  });
  balance.start();
  if (document.readyState === 'loading')
    document.addEventListener('DOMContentLoaded', () => balance.updateBalanceDisplaysSync());
}
