/** What the page needs of a server: the site's PHP endpoints are one, the sidecar is another. */
import type { Units } from './amount.js';
import type { ClaimAnswer, ClaimedTransaction } from './claims.js';
import type { Answer, Outcome } from './outcome.js';
import type { Pending } from './pending.js';

export interface Server {
  /** Whether users may credit themselves only from the sources that are named in a configuration. */
  readonly hasSources: boolean;
  /** The balance. Rejects where it could not be read; somebody who has no file yet has 0. */
  read(user: string): Promise<Units>;
  /** Never rejects: what is not known is an outcome too. Outlives the page. */
  change(user: string, change: Pending): Promise<Outcome>;
  /** Undefined: not answered, or not now; the same list is sent again. */
  claim(user: string, transactions: readonly ClaimedTransaction[]): Promise<ClaimAnswer | undefined>;
  /** Opens the server's own session where it has such a thing. */
  signIn(user: string, username: string): Promise<boolean>;
}

/** The user's token for the server, where the page has one. */
export type Token = (user: string) => string | undefined;

export type Ask = {
  readonly method?: 'GET' | 'POST';
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string | undefined;
  /** Whether cookies go along to another host too. */
  readonly isElsewhere?: boolean;
};

const ANSWER_MS_MAX = 10_000;

/** One request. Rejects where nothing came back in time. Changes are sent with keepalive: they outlive the page. */
export async function ask(
  url: string,
  { method = 'GET', body, headers = {}, token, isElsewhere = false }: Ask = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    cache: 'no-store',
    credentials: isElsewhere ? 'include' : 'same-origin',
    keepalive: method === 'POST',
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const retryAfter_s = Number(response.headers.get('retry-after') ?? 'none');
  return {
    status: response.status,
    body: objectOf(await response.text()),
    ...(retryAfter_s >= 0 && { retryAfter_s }),
  };
}

export function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The answer to a claim as both servers give it; undefined where it is none. */
export function claimAnswerOf({ status, body }: Answer): ClaimAnswer | undefined {
  if (status !== 200 || !Array.isArray(body?.claimed) || !Array.isArray(body.skipped)) return undefined;
  return { claimed: body.claimed, skipped: body.skipped };
}
