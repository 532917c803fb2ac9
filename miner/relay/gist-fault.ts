/** Why GitHub did not do what was asked, in words that say what to do, and when to ask again. */

export type FaultCode =
  | 'unauthorized'
  | 'forbidden'
  | 'missing'
  | 'conflict'
  | 'refused'
  | 'rate-limited'
  | 'server'
  | 'unreachable'
  | 'answer';

export type Purpose = 'write' | 'read';

export interface FaultFacts {
  readonly purpose: Purpose;
  readonly status: number;
  readonly headers: Headers;
  /** `message` of the answer's JSON. */
  readonly said?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export class GistFault extends Error {
  override readonly name = 'GistFault';

  constructor(
    readonly code: FaultCode,
    message: string,
    readonly hint: string,
    /** Milliseconds since 1970: not before. */
    readonly not_before?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The least after a limit for which GitHub names no time. */
const LIMIT_WAIT_MS = 60_000;
/** A time that lies further ahead is a mistake of somebody's clock. */
const WAIT_MS_MAX = 3_600_000;
const SAID_CHARACTERS_MAX = 200;

export function faultOf(facts: FaultFacts): GistFault {
  const { status, headers, said, now } = facts;
  const words = said === undefined ? '' : `: ${said.slice(0, SAID_CHARACTERS_MAX)}`;
  const wait_ms = waitOf(headers, now);
  const isLimit = status === 429 || (status === 403 && (wait_ms !== undefined || /rate limit/i.test(said ?? '')));
  const code = isLimit ? 'rate-limited' : codeOf(status);
  const not_before = isLimit || wait_ms !== undefined ? now + (wait_ms ?? LIMIT_WAIT_MS) : undefined;
  return new GistFault(code, `HTTP error ${status}${words}`, hintOf(code, facts.purpose), not_before);
}

function codeOf(status: number): FaultCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404 || status === 410) return 'missing';
  if (status === 409) return 'conflict';
  if (status === 422) return 'refused';
  return status >= 500 ? 'server' : 'answer';
}

const HINTS: Readonly<Record<Purpose, Readonly<Record<FaultCode, string>>>> = {
  write: {
    unauthorized:
      'the GitHub token is invalid or expired: make a new one with the gist scope (https://github.com/settings/tokens/new) and set GIST_TOKEN',
    forbidden: 'this token may not write Gists: make one with the gist scope, and set GIST_TOKEN',
    missing:
      'check that GIST_ID is right, that the Gist exists and belongs to the owner of the token, and that the token has the gist scope',
    conflict: 'somebody else changed the Gist in the same moment. Do two agents write to one Gist?',
    refused: 'GitHub does not take this content',
    'rate-limited': 'increase SYNC_INTERVAL (for example to 120 seconds); it goes on when GitHub allows it',
    server: 'GitHub has a problem of its own (https://www.githubstatus.com)',
    unreachable: 'check the internet connection of this machine, and relay.gist.api_url',
    answer: 'check relay.gist.api_url: this is not how the API of GitHub answers',
  },
  read: {
    unauthorized: 'the GitHub token is invalid or expired: set a new GIST_TOKEN, or none for a Gist that needs none',
    forbidden: 'this Gist may not be read: check GIST_ID or GIST_RAW_URL, and GIST_TOKEN where one is set',
    missing:
      'check that GIST_ID or GIST_RAW_URL is right, that the Gist exists, and that it holds miner_data.json (the agent must have written it once)',
    conflict: 'it is tried again',
    refused: 'check GIST_ID or GIST_RAW_URL',
    'rate-limited': 'increase GIST_CACHE_TTL, or set GIST_TOKEN, with which GitHub allows more',
    server: 'GitHub has a problem of its own (https://www.githubstatus.com); it is tried again',
    unreachable: 'check the internet connection of this machine, and GIST_RAW_URL; it is tried again',
    answer: 'check GIST_RAW_URL: it must be the raw address of miner_data.json',
  },
};

export function hintOf(code: FaultCode, purpose: Purpose): string {
  return HINTS[purpose][code];
}

/** How long the answer asks to wait: Retry-After, or the end of the window where nothing is left of it. */
function waitOf(headers: Headers, now: number): number | undefined {
  const after = headers.get('retry-after')?.trim() ?? '';
  const seconds = /^\d+$/.test(after) ? Number(after) * 1_000 : Date.parse(after) - now;
  if (!Number.isNaN(seconds)) return bounded(seconds);
  const reset = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
  if (headers.get('x-ratelimit-remaining') !== '0' || !Number.isFinite(reset)) return undefined;
  // A second more: it is told in whole ones.
  return bounded(reset * 1_000 + 1_000 - now);
}

function bounded(wait_ms: number): number {
  return Math.min(Math.max(wait_ms, 1_000), WAIT_MS_MAX);
}
