import { describe, expect, it } from 'vitest';
import { type Answer, type Outcome, phpOutcome, sidecarOutcome } from './outcome.js';

const COIN = 100_000_000n;
const refusal = (code: string, more: object = {}) => ({ error: { code, message: `because ${code}`, ...more } });
const failure = (error: string, more: object = {}) => ({ success: false, error, ...more });
const unknown: Outcome = { kind: 'unknown' };

describe('what the sidecar answers', () => {
  it.each<[string, Answer, Outcome]>([
    ['a change', { status: 200, body: { balance: '120.5' } }, { kind: 'done', balance: 12_050_000_000n }],
    ['nonsense', { status: 200, body: undefined }, unknown],
    ['no balance', { status: 200, body: {} }, unknown],
    [
      'too little',
      { status: 409, body: refusal('insufficient_funds', { balance: '3' }) },
      { kind: 'refused', reason: 'Insufficient balance', balance: 3n * COIN },
    ],
    ['bad', { status: 400, body: refusal('bad_request') }, { kind: 'refused', reason: 'because bad_request' }],
    [
      'another source',
      { status: 403, body: refusal('source_not_allowed') },
      { kind: 'refused', reason: 'because source_not_allowed' },
    ],
    ['somebody else', { status: 403, body: refusal('forbidden') }, { kind: 'unauthorized' }],
    ['nobody', { status: 401, body: refusal('unauthorized') }, { kind: 'unauthorized' }],
    ['too often', { status: 429, body: refusal('rate_limited'), retryAfter_s: 7 }, { kind: 'later', after_ms: 7000 }],
    ['rights away', { status: 503, body: refusal('rights_elsewhere') }, { kind: 'later' }],
    ['broken', { status: 500, body: refusal('internal') }, unknown],
    ['a proxy', { status: 503, body: undefined }, unknown],
    ['a proxy’s 404', { status: 404, body: undefined }, unknown],
  ])('%s', (_what, answer, outcome) => {
    expect(sidecarOutcome(answer)).toEqual(outcome);
  });
});

describe('what PHP answers', () => {
  it.each<[string, Answer, Outcome]>([
    ['a change', { status: 200, body: { success: true, balance: 120 } }, { kind: 'done', balance: 120n * COIN }],
    [
      'object balance',
      { status: 200, body: { success: true, balance: { coins: 3 } } },
      { kind: 'done', balance: 3n * COIN },
    ],
    ['no balance', { status: 200, body: { success: true } }, unknown],
    ['a warning before the JSON', { status: 200, body: undefined }, unknown],
    ['a failure that says 200', { status: 200, body: failure('x') }, unknown],
    [
      'too little',
      { status: 409, body: failure('Insufficient balance', { balance: 3 }) },
      { kind: 'refused', reason: 'Insufficient balance', balance: 3n * COIN },
    ],
    ['bad', { status: 400, body: failure('Invalid user_id') }, { kind: 'refused', reason: 'Invalid user_id' }],
    ['no session', { status: 401, body: failure('Authentication required') }, { kind: 'unauthorized' }],
    ['outcome unknown', { status: 500, body: failure('Failed to update balance') }, unknown],
    ['later', { status: 503, body: failure('x'), retryAfter_s: 2 }, { kind: 'later', after_ms: 2000 }],
    ['a missing page', { status: 404, body: undefined }, unknown],
  ])('%s', (_what, answer, outcome) => {
    expect(phpOutcome(answer)).toEqual(outcome);
  });
});
