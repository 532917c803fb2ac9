/** What requests and answers look like, for checks, answers and /openapi.json alike. */
import { type Static, Type } from '@sinclair/typebox';
import { type Amount, parseAmount } from '../common/core/amount.js';
import { isDocumentName } from '../common/core/names.js';
import { ApiError } from './errors.js';

const closed = { additionalProperties: false } as const;

export const User = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$',
  description: 'a document name without its kind: 1-andy',
});
export const UserParams = Type.Object({ user: User });
export type UserParams = Static<typeof UserParams>;

export const AmountText = Type.String({ description: 'an exact decimal: 12.5' });
const AmountIn = Type.Unsafe<number | string>({
  description: 'a number or a decimal string, at most 8 decimals',
  type: ['number', 'string'],
  maxLength: 32,
});
const Source = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$', description: 'what it is for: faucet' });
const Description = Type.String({ maxLength: 200 });

export const ErrorAnswer = Type.Object({
  error: Type.Object({ code: Type.String(), message: Type.String() }, { additionalProperties: Type.String() }),
});

export const Balance = Type.Object({
  user: Type.String(),
  balance: AmountText,
  known: Type.Boolean(),
  last_updated: Type.Union([Type.Integer(), Type.Null()], { description: 'milliseconds since 1970' }),
});

export const ChangeBody = Type.Object(
  {
    amount: AmountIn,
    source: Source,
    description: Type.Optional(Description),
    clamp: Type.Optional(Type.Boolean({ description: 'a debit takes what is there instead of being refused' })),
  },
  closed,
);
export type ChangeBody = Static<typeof ChangeBody>;

export const KeyHeader = Type.Object({
  'idempotency-key': Type.String({
    pattern: '^[\\x21-\\x7e]{1,200}$',
    description: '1 to 200 visible ASCII characters',
  }),
});
export type KeyHeader = Static<typeof KeyHeader>;

export const ChangeAnswer = Type.Object({
  id: Type.String(),
  user: Type.String(),
  amount: AmountText,
  balance: AmountText,
  previous_balance: AmountText,
  at: Type.Integer({ description: 'milliseconds since 1970' }),
  replayed: Type.Boolean(),
});

const Seconds = Type.Unsafe<number | string>({
  type: ['integer', 'string'],
  maxLength: 40,
  description: 'seconds since 1970, or an ISO time',
});
const Word = Type.String({ pattern: '^[\\x21-\\x7e]{1,64}$' });
const Whole = Type.String({ pattern: '^\\d{1,15}$' });

const GuestTransactionBody = Type.Object(
  {
    id: Word,
    type: Type.Unsafe<'earn' | 'spend'>({ type: 'string', enum: ['earn', 'spend'] }),
    amount: AmountIn,
    source: Source,
    description: Type.Optional(Description),
    timestamp: Type.String({ maxLength: 40 }),
  },
  closed,
);
export type GuestTransaction = Static<typeof GuestTransactionBody>;
export const ClaimBody = Type.Object(
  { transactions: Type.Array(GuestTransactionBody, { minItems: 1, maxItems: 200 }) },
  closed,
);
export type ClaimBody = Static<typeof ClaimBody>;
export const ClaimAnswer = Type.Object({
  claimed: Type.Array(Type.String()),
  skipped: Type.Array(Type.Object({ id: Type.String(), reason: Type.String() })),
  balance: AmountText,
});

export const MinedBody = Type.Object(
  { miner: Word, worker: Word, user: User, amount: AmountIn, difficulty: AmountIn, from: Seconds, to: Seconds },
  closed,
);
export type MinedBody = Static<typeof MinedBody>;
export const MinedAnswer = Type.Object({ id: Type.String(), balance: AmountText, replayed: Type.Boolean() });
export const MinedQuery = Type.Object(
  {
    user: Type.Optional(User),
    miner: Type.Optional(Word),
    since: Type.Optional(Type.String({ maxLength: 40 })),
    group: Type.Optional(Type.Literal('day')),
    after: Type.Optional(Whole),
  },
  closed,
);
export type MinedQuery = Static<typeof MinedQuery>;

export const PageQuery = Type.Object(
  { limit: Type.Optional(Type.String({ pattern: '^(?:[1-9]\\d{0,2}|1000)$' })), before: Type.Optional(Whole) },
  closed,
);
export type PageQuery = Static<typeof PageQuery>;
export const EventsQuery = Type.Object({ user: Type.Optional(User) }, closed);
export type EventsQuery = Static<typeof EventsQuery>;

/** The balance document of a user. Throws ApiError where that can be none. */
export function documentOf(kind: string, user: string): string {
  const name = `${kind}/${user}`;
  if (!isDocumentName(name)) throw new ApiError('bad_request', 'this can be no user');
  return name;
}

/** A JSON number with more digits than this may not be what was sent: it has been through a float. */
const FLOAT_DIGITS = 15;
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d{1,8})?$/;

/** An amount from outside, exactly as it was sent. Throws ApiError. `max`: the greatest size. */
export function amountOf(value: number | string, max: number): Amount {
  let text = value;
  if (typeof text === 'number') {
    const exact = parseAmount(String(text));
    if (
      exact === undefined ||
      Number(exact) !== text ||
      exact.replace(/\D/g, '').replace(/^0+/, '').length > FLOAT_DIGITS
    )
      throw new ApiError('bad_request', 'amount: send it as a string, a number cannot hold it exactly');
    text = exact;
  }
  const amount = DECIMAL.test(text) ? parseAmount(text) : undefined;
  if (amount === undefined) throw new ApiError('bad_request', 'amount must be a decimal with at most 8 places');
  if (Math.abs(Number(amount)) > max) throw new ApiError('bad_request', `amount must be at most ${max}`);
  return amount;
}
