import { expect, it } from 'vitest';
import { parseReplies } from './identify.js';

it('without a connection, it still is the main pool that it counts for', () => {
  const pool = (url: string, active: boolean) => ({ url, port: 3_333, user: 'bc1qa.n', active });
  const active = (primary: boolean, fallback: boolean) =>
    parseReplies({
      info: {
        firmware: { axehub_compat: 'v1' },
        hashing: { current_khs: 80, shares_accepted: 2 },
        pool: { primary: pool('one.pool', primary), fallback: pool('two.pool', fallback) },
      },
    })?.pools.find((each) => each.active)?.url;
  expect(active(true, false)).toBe('stratum+tcp://one.pool:3333');
  expect(active(false, false)).toBe('stratum+tcp://one.pool:3333');
  expect(active(false, true)).toBe('stratum+tcp://two.pool:3333');
});
