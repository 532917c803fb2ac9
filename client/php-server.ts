/** The site's own endpoints: write_balance.php, get_balance.php, claim_guest.php, session-init.php. */
import { type Units, unitsOf } from './amount.js';
import type { ClaimAnswer, ClaimedTransaction } from './claims.js';
import { type Outcome, phpOutcome } from './outcome.js';
import type { Pending } from './pending.js';
import { ask, claimAnswerOf, type Server, type Token } from './server.js';

export class PhpServer implements Server {
  readonly hasSources = false;

  /** `base`: where the endpoints are, without a slash at the end. `site`: what the site calls itself. */
  constructor(
    readonly base: string,
    readonly site: string,
    readonly token: Token,
  ) {}

  async read(user: string): Promise<Units> {
    const { status, body } = await ask(`${this.base}/get_balance.php?user_id=${encodeURIComponent(user)}`);
    const balance = status === 200 && body?.success === true ? unitsOf(body.balance) : undefined;
    if (balance === undefined) throw new Error(`the balance could not be read (${status})`);
    return balance;
  }

  async change(user: string, { key, amount, source, description }: Pending): Promise<Outcome> {
    const body = {
      user_id: user,
      net_change: amount,
      source,
      description,
      server_id: this.site,
      idempotency_key: key,
      // A spend that the page has checked is made whole or not at all.
      clamp: false,
    };
    try {
      return phpOutcome(await ask(`${this.base}/write_balance.php`, { method: 'POST', body }));
    } catch {
      return { kind: 'unknown' };
    }
  }

  async claim(user: string, transactions: readonly ClaimedTransaction[]): Promise<ClaimAnswer | undefined> {
    const body = { user_id: user, transactions };
    return claimAnswerOf(await ask(`${this.base}/claim_guest.php`, { method: 'POST', body }));
  }

  async signIn(user: string, username: string): Promise<boolean> {
    const jwt = this.token(user);
    const body = { user_id: user, username, ...(jwt !== undefined && { jwt }) };
    const answer = await ask(`${this.base}/session-init.php`, { method: 'POST', body });
    return answer.status === 200 && answer.body?.success === true;
  }
}
