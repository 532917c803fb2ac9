/** I1 and I2 for amounts: whatever the interleaving, the sum is exact and every site shows it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SITES } from '../testing/arbitraries.js';
import { settleAll, TestReplica } from '../testing/simulation.js';
import { add, ZERO } from './amount.js';
import type { DocState } from './state.js';

const at = fc.nat(SITES.length - 1);
const amount = fc
  .tuple(fc.integer({ min: -2_000, max: 2_000 }), fc.constantFrom('', '.5', '.1', '.00000001'))
  .map(([whole, part]) => `${whole}${part}`);

const moves = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('credit' as const), at, amount }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('send' as const), from: at }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('deliver' as const), to: at, which: fc.nat(), show: fc.boolean() }),
    },
  ),
  { maxLength: 60 },
);

/** A writer that reads the amount in the file and adds to it, as the sites' PHP does. */
function credit(replica: TestReplica, amount: string, now = 1_000): void {
  const shown = /"balance":\s*("?)(-?[\d.]+)/.exec(replica.shadow ?? '')?.[2] ?? ZERO;
  replica.write(`{"balance":${add(shown, amount)},"last_updated":${now}}`, now);
}

describe('amounts', () => {
  it('I1, I2: credits and debits on all sites sum exactly, however states are delayed, reordered and repeated', () => {
    fc.assert(
      fc.property(moves, (history) => {
        const replicas = SITES.map((site) => new TestReplica(site));
        const mail: DocState[] = [];
        let expected = ZERO;
        for (const move of history) {
          if (move.do === 'credit') {
            credit(replicas[move.at] as TestReplica, move.amount);
            expected = add(expected, move.amount);
          } else if (move.do === 'send') mail.push((replicas[move.from] as TestReplica).state);
          else if (mail.length > 0) {
            const replica = (replicas[move.to] as TestReplica).receive(mail[move.which % mail.length] as DocState);
            if (move.show) replica.materialise();
          }
        }
        settleAll(replicas);
        for (const replica of replicas) expect(replica.counter()).toBe(normal(expected));
        expect(new Set(replicas.map((replica) => JSON.stringify(replica.json && sorted(replica.json)))).size).toBe(1);
      }),
      { numRuns: 200 },
    );
  });

  it('I1: 1,000 credits from each of two sites at once are 2,000 credits', () => {
    const [a, b] = [new TestReplica('roflfaucet'), new TestReplica('clickforcharity')];
    for (let i = 0; i < 1_000; i++) {
      credit(a, '1');
      credit(b, '1');
      if (i % 97 === 0) a.receive(b.state);
      if (i % 89 === 0) b.receive(a.state).materialise();
    }
    settleAll([a, b]);
    expect([a.counter(), b.counter()]).toEqual(['2000', '2000']);
  });

  it('hazard 1: a credit that arrives between a local read and write is kept', () => {
    const [a, b] = [new TestReplica('roflfaucet').write('{"balance":100}'), new TestReplica('clickforcharity')];
    b.receive(a.state).materialise().write('{"balance":110}');
    a.receive(b.state).write('{"balance":105}');
    expect(a.counter()).toBe('115');
  });

  it('hazard 2: a new stub of zero takes nothing away', () => {
    const [a, b] = [new TestReplica('roflfaucet').write('{"balance":100}'), new TestReplica('clickforcharity')];
    b.write('{"balance":0,"last_updated":99}', 9_000);
    settleAll([a, b]);
    expect([a.counter(), b.counter()]).toEqual(['100', '100']);
  });

  it('PHP’s float sums are the decimals that were meant', () => {
    const replica = new TestReplica('roflfaucet').write('{"balance":0.1}').write('{"balance":0.30000000000000004}');
    expect(replica.counter()).toBe('0.3');
    expect(replica.write('{"balance":0.3}').counter()).toBe('0.3');
  });

  it('adds up in one replica exactly what each rewrite changed, in either direction', () => {
    const replica = new TestReplica('roflfaucet');
    for (const balance of ['10', '25', '5.5', '"5.5"', '{"coins":6}', '0']) replica.write(`{"balance":${balance}}`);
    expect(replica.state.counters?.['/balance']?.by).toEqual({ 'roflfaucet~00000001': ['25.5', '25.5'] });
  });

  it('I1: genesis: sites that import the same files never double a balance', () => {
    const text = '{"balance":500,"stats":1}';
    const replicas = SITES.map((site, i) => new TestReplica(site).write(text, 100 + i, true));
    credit(replicas[1] as TestReplica, '7');
    settleAll(replicas);
    expect(replicas.map((replica) => replica.counter())).toEqual(['507', '507', '507']);
  });

  it('never stores an amount of absurd length, whatever a file says', () => {
    const replica = new TestReplica('roflfaucet').write('{"balance":5}');
    for (const absurd of ['1e18', '123456789012345678901234567890', '1e99', '1e999', '-1e30'])
      expect(replica.write(`{"balance":${absurd}}`).materialise().counter()).toBe('5');
  });
});

function normal(amount: string): string {
  return add(add(amount, '1'), '-1');
}

function sorted(value: object): [string, unknown][] {
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
