/** Transaction lists and inboxes: capped, written by several sites in several orders (SITES.md, hazard 7). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIST_WRITERS, message, seconds, transaction, transactions } from '../testing/samples.js';
import { settleAll, TestReplica } from '../testing/simulation.js';
import { entryTime, logTexts } from './entry.js';
import { parseJson } from './json.js';
import { ENTRIES_SHOWN_MAX, logEntries, tallies } from './log.js';

type Entry = Record<string, unknown>;
type Writer = { readonly newest: 'first' | 'last'; readonly cap: number };

const listText = (entries: readonly Entry[]): string => JSON.stringify({ balance: 1, recent_transactions: entries });
const listOf = (replica: TestReplica): Entry[] =>
  (replica.json as { recent_transactions: Entry[] }).recent_transactions;
const secondsOf = (replica: TestReplica): number[] =>
  listOf(replica)
    .map(({ timestamp }) => (timestamp as number) - 1_770_000_000)
    .sort((a, b) => a - b);

/** A writer reads the list, puts its entry at its end of it, and cuts the list at its cap. */
function append(replica: TestReplica, entry: Entry, { newest, cap }: Writer): void {
  const list =
    replica.shadow === undefined
      ? []
      : (JSON.parse(replica.shadow) as { recent_transactions: Entry[] }).recent_transactions;
  replica.write(listText(newest === 'first' ? [entry, ...list].slice(0, cap) : [...list, entry].slice(-cap)));
}

const [FAUCET, ADS] = LIST_WRITERS;

function two(entries: readonly Entry[]): [TestReplica, TestReplica] {
  const a = new TestReplica('roflfaucet').write(listText(entries));
  return [a, new TestReplica('clickforcharity').receive(a.state).materialise()];
}

describe('lists', () => {
  it('hazard 7: entries of two sites become one list in time order', () => {
    const [a, b] = two(transactions([3, 1]));
    append(a, transaction(5), FAUCET);
    append(b, transaction(4), FAUCET);
    settleAll([a, b]);
    expect(listOf(a)).toEqual(transactions([5, 4, 3, 1]));
    expect(listOf(b)).toEqual(listOf(a));
  });

  it('hazard 7: equal entries of one second from two sites stay two', () => {
    const [a, b] = two([]);
    append(a, transaction(1), FAUCET);
    append(b, transaction(1), FAUCET);
    append(b, transaction(1), FAUCET);
    settleAll([a, b]);
    expect(secondsOf(a)).toEqual([1, 1, 1]);
  });

  it('counts an equal entry again where the other site’s has arrived but is not shown yet', () => {
    const [a, b] = two([]);
    append(a, transaction(1), FAUCET);
    b.receive(a.state);
    append(b, transaction(1), FAUCET);
    settleAll([a, b]);
    expect(secondsOf(a)).toEqual([1, 1]);
  });

  it('the same list arriving twice stays one', () => {
    const [a, b] = two(transactions([2, 1]));
    b.receive(a.state)
      .receive(JSON.parse(JSON.stringify(a.state)))
      .materialise();
    expect(secondsOf(b)).toEqual([1, 2]);
  });

  it('genesis: a list that two sites import is one list', () => {
    const text = listText([...transactions([2, 1]), transaction(1)]);
    const [a, b] = [
      new TestReplica('roflfaucet').write(text, 100, true),
      new TestReplica('clickforcharity').write(text, 90, true),
    ];
    settleAll([a, b]);
    expect(secondsOf(a)).toEqual([1, 1, 2]);
  });

  it.each(LIST_WRITERS)('hazard 7: an entry that fell off never comes back: $name', (writer) => {
    const full = seconds(1, writer.cap);
    const [a, b] = two(transactions(writer.newest === 'first' ? [...full].reverse() : full));
    const before = b.state;
    for (const second of seconds(1_000, 5)) append(a, transaction(second), writer);
    a.receive(before).receive(b.state);
    settleAll([a, b]);
    expect(secondsOf(a)).toEqual([...full.slice(5), ...seconds(1_000, 5)]);
    expect(secondsOf(b)).toEqual(secondsOf(a));
  });

  it('an entry that fell off does not come back where entries of its second remain, or where another site keeps more', () => {
    const [a, b] = two([...transactions(seconds(2, 9).reverse()), transaction(1, 7), transaction(1, 8)]);
    append(a, transaction(50), { newest: 'first', cap: 11 });
    append(b, transaction(60), FAUCET);
    settleAll([a, b]);
    expect(listOf(a).filter(({ amount }) => amount === 8)).toEqual([]);
    append(b, transaction(70), FAUCET);
    settleAll([a, b]);
    expect(listOf(b).filter(({ amount }) => amount === 8)).toEqual([]);
    expect(listOf(b)).toHaveLength(12);
  });

  it('two sites that drop the same entry at once drop one', () => {
    const full = seconds(1, 10);
    const [a, b] = two(transactions(full));
    append(a, transaction(20), ADS);
    append(b, transaction(21), ADS);
    settleAll([a, b]);
    expect(secondsOf(a)).toEqual([...full.slice(2), 20, 21]);
    for (const second of seconds(30, 10)) append(a, transaction(second), ADS);
    settleAll([a, b]);
    expect(secondsOf(b)).toEqual(seconds(30, 10));
  });

  it('order flips between writers lose and double nothing', () => {
    const [a, b] = two(transactions(seconds(1, 5).reverse()));
    append(b, transaction(6), ADS);
    settleAll([a, b]);
    append(a, transaction(7), FAUCET);
    settleAll([a, b]);
    append(b, transaction(8), ADS);
    settleAll([a, b]);
    expect(secondsOf(a)).toEqual(seconds(1, 8));
  });

  it('a removed entry stays removed, on both sites, and may be written again', () => {
    const [a, b] = two(transactions([3, 2, 1]));
    a.write(listText(transactions([3, 1])));
    b.write(listText(transactions([3, 1])));
    settleAll([a, b]);
    expect(secondsOf(b)).toEqual([1, 3]);
    b.write(listText(transactions([3, 2, 1])));
    settleAll([a, b]);
    expect(secondsOf(a)).toEqual([1, 2, 3]);
  });

  it('removing the oldest entry of a short list is no drop at a cap, and hides nothing later', () => {
    const [a, b] = two(transactions([3, 2, 1]));
    a.write(listText(transactions([4, 3, 2])));
    for (const second of seconds(10, 3)) append(b, transaction(second), FAUCET);
    settleAll([a, b]);
    expect(secondsOf(a)).toEqual([2, 3, 4, 10, 11, 12]);
  });

  it('an entry with a date far ahead takes no others with it when it falls off', () => {
    const future = { amount: 1, timestamp: 4_000_000_000 };
    const [a, b] = two([...transactions(seconds(1, 9).reverse()), future]);
    append(a, transaction(20), { newest: 'first', cap: 10 });
    settleAll([a, b]);
    expect(secondsOf(b)).toEqual([...seconds(1, 9), 20]);
  });

  it.each(['1e999', '1e300', '"999999999999999999999"'])('a time of %s is no time, and no floor', (time) => {
    expect(entryTime(`{"timestamp":${time}}`)).toBeUndefined();
    const texts = logTexts(parseJson(`[{"timestamp":${time}}]`) as never);
    expect(texts).toBeUndefined();
  });

  it('hidden entries come up when the list has room, and are not counted as new when a file brings them', () => {
    const [a, b] = two(transactions(seconds(1, 10)));
    append(a, transaction(20), ADS);
    append(b, transaction(21), ADS);
    a.receive(b.state);
    const hidden = a.state;
    a.write(listText(transactions(seconds(2, 9).concat(20, 21))));
    expect(logEntries(a.state.logs?.['/recent_transactions'] as never)).toHaveLength(11);
    expect(a.receive(hidden).state).toBe(a.state);
  });

  it('an entry hidden by the cap is not counted again when a file brings it back', () => {
    const [a, b] = two(transactions(seconds(1, 10)));
    append(a, transaction(20), ADS);
    append(b, transaction(21), ADS);
    settleAll([a, b]);
    expect(secondsOf(a)).toEqual([...seconds(3, 8), 20, 21]);
    a.write(listText(transactions([...seconds(2, 9), 20, 21])));
    settleAll([a, b]);
    expect(secondsOf(b)).toEqual([...seconds(2, 9), 20, 21]);
    const books = tallies(a.state.logs?.['/recent_transactions'] as never);
    expect(books.get(JSON.stringify(transaction(2)))).toMatchObject({ added: 1, removed: 0 });
  });

  it('shows at most ENTRIES_SHOWN_MAX entries, newest first, whatever a state says', () => {
    const cells = Object.fromEntries(
      seconds(1, 30).map((time) => [`{"time":${time}}`, [1_000, '00000000001'.concat('0000@a'), 0] as const]),
    );
    const texts = logEntries({
      added: { 'a~00000001': cells },
      form: [{ newest: 'first', cap: 1_000_000 }, '000000000010000@a'],
    });
    expect(texts).toHaveLength(ENTRIES_SHOWN_MAX);
    expect(texts.at(-1)).toBe('{"time":30}');
  });

  it('I2: random appends by random writers end in the same list everywhere: no entry doubled, none made up, the newest there', () => {
    const step = fc.record({
      at: fc.nat(1),
      writer: fc.constantFrom(...LIST_WRITERS),
      count: fc.integer({ min: 1, max: 8 }),
      sync: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (history) => {
        const sites = two([]);
        let second = 0;
        for (const { at, writer, count, sync } of history) {
          for (let i = 0; i < count; i++) append(sites[at] as TestReplica, transaction(++second), writer);
          if (sync) settleAll(sites);
        }
        settleAll(sites);
        const shown = secondsOf(sites[0]);
        expect(secondsOf(sites[1])).toEqual(shown);
        expect(new Set(shown).size).toBe(shown.length);
        if (second > 0) expect(shown.at(-1)).toBe(second);
      }),
      { numRuns: 60 },
    );
  });
});

describe('messages with an id', () => {
  const inbox = (...messages: Entry[]): string => JSON.stringify(messages);

  it('marked as read on two sites at once is one message', () => {
    const a = new TestReplica('roflfaucet', 'inbox').write(inbox(message(2), message(1)));
    const b = new TestReplica('clickforcharity', 'inbox').receive(a.state).materialise();
    a.write(inbox(message(2), message(1, true)));
    b.write(inbox(message(2), message(1, true)));
    settleAll([a, b]);
    expect(a.json).toEqual([message(2), message(1, true)]);
    expect(b.json).toEqual(a.json);
  });

  it('can be marked and unmarked again and again', () => {
    const a = new TestReplica('roflfaucet', 'inbox').write(inbox(message(1)));
    const b = new TestReplica('clickforcharity', 'inbox').receive(a.state).materialise();
    for (const read of [true, false, true, false]) {
      const [writer, reader] = read ? [a, b] : [b, a];
      writer.write(inbox(message(1, read)));
      reader.receive(writer.state).materialise();
      expect(reader.json).toEqual([message(1, read)]);
    }
  });
});
