import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStamp, makeStamp, StampClock, stampMs, stampSite } from './stamp.js';

const ms = fc.integer({ min: 0, max: 2 ** 43 });
const site = fc.constantFrom('a', 'a-b', 'roflfaucet', 'constructor');

describe('a stamp', () => {
  it('tells its time and its site, and sorts as text by time, counter and site', () => {
    const parts = fc.tuple(ms, fc.integer({ min: 0, max: 0xffff }), site);
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const [x, y] = [makeStamp(...a), makeStamp(...b)];
        expect([isStamp(x), stampMs(x), stampSite(x)]).toEqual([true, a[0], a[2]]);
        const order = a[0] - b[0] || a[1] - b[1] || (a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : 0);
        expect(x < y).toBe(order < 0);
      }),
    );
  });

  it.each([
    '',
    '@a',
    '000000000010000@',
    '000000000010000@A',
    '00000000001000G@a',
    '000000000010000@a\n',
    ' 000000000010000@a',
    '000000000010000@-a',
    `000000000010000@${'a'.repeat(64)}`,
    5,
    null,
  ])('is not %j', (text) => expect(isStamp(text)).toBe(false));
});

describe('a clock', () => {
  it('rises with every stamp, whatever the time does and whatever it sees, also across restarts', () => {
    const event = fc.oneof(
      fc.record({ do: fc.constant('next' as const), now: ms }),
      fc.record({ do: fc.constant('see' as const), stamp: fc.tuple(ms, fc.integer({ min: 0, max: 0xffff }), site) }),
      fc.constant({ do: 'restart' as const }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        let clock = new StampClock('a', undefined);
        let newest = '';
        for (const one of events) {
          if (one.do === 'restart') clock = new StampClock('a', newest === '' ? undefined : clock.last);
          else if (one.do === 'see') {
            const seen = makeStamp(...one.stamp);
            clock.see(seen);
            if (seen > newest) newest = seen;
          } else {
            const stamp = clock.next(one.now);
            expect(isStamp(stamp)).toBe(true);
            expect(stamp > newest).toBe(true);
            expect(stampMs(stamp)).toBeGreaterThanOrEqual(one.now);
            newest = stamp;
          }
        }
      }),
    );
  });

  it('goes on to the next millisecond when its counter is full', () => {
    const clock = new StampClock('a', makeStamp(5, 0xffff, 'b'));
    expect(clock.next(5)).toBe(makeStamp(6, 0, 'a'));
    expect(clock.next(5)).toBe(makeStamp(6, 1, 'a'));
  });

  it('does not follow the time back, and takes whole milliseconds', () => {
    const clock = new StampClock('a', undefined);
    expect(clock.next(1_000.7)).toBe(makeStamp(1_000, 0, 'a'));
    expect(clock.next(10)).toBe(makeStamp(1_000, 1, 'a'));
    expect(clock.next(1_000.9)).toBe(makeStamp(1_000, 2, 'a'));
    expect(clock.last).toBe(makeStamp(1_000, 2, 'a'));
  });
});
