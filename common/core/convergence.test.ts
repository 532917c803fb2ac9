/** Whole histories of whole documents: what must hold for every kind when writing stops and everything has arrived. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { history } from '../testing/arbitraries.js';
import { policiesOf, settleAll } from '../testing/simulation.js';
import { readContent } from './content.js';
import { isUnordered } from './join.js';
import { compactText, type Json } from './json.js';
import { isAlive, render, shows } from './render.js';

/** Amounts are rounded to 8 places, and each site's file keeps its own spelling of them. */
function meant(shadow: string): string {
  return shadow.replaceAll('0.30000000000000004', '0.3').replaceAll('1e-9', '0');
}

it('I2: every site shows the same document, and looking at it again changes nothing anywhere', () => {
  fc.assert(
    fc.property(history, ({ kind, replicas }) => {
      settleAll(replicas);
      const policies = policiesOf(kind);
      const [first, ...others] = replicas.map(({ shadow }) =>
        shadow === undefined ? undefined : readContent(meant(shadow), policies),
      );
      for (const other of others) {
        expect(other?.kind).toBe(first?.kind);
        if (first?.kind === 'json' && other?.kind === 'json') {
          const same = shows(first.value, other.value, isUnordered(policies));
          expect(same, `${compactText(first.value)} and ${compactText(other.value)}`).toBe(true);
        }
      }
      for (const replica of replicas) {
        const { state, shadow } = replica;
        if (shadow === undefined) continue;
        expect(replica.write(shadow).state).toBe(state);
        expect(replica.materialise().shadow).toBe(shadow);
      }
    }),
    { numRuns: 400 },
  );
});

it('I2: a new site that gets everything at once shows what the others show', () => {
  fc.assert(
    fc.property(history, ({ kind, replicas }) => {
      settleAll(replicas);
      const policies = policiesOf(kind);
      const [{ state, shadow }] = replicas as [(typeof replicas)[number]];
      const view = render(state, policies.kind.delete);
      const live = shadow === undefined ? undefined : readContent(meant(shadow), policies);
      expect(view?.kind).toBe(live?.kind);
      if (view?.kind === 'json' && live?.kind === 'json') {
        expect(shows(live.value, view.value, isUnordered(policies))).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});

it('I1: a balance, once there, is never removed, nor its amount changed by a removal', () => {
  fc.assert(
    fc.property(history, ({ kind, replicas }) => {
      fc.pre(kind === 'balances');
      for (const replica of replicas) {
        const { state, shadow } = replica;
        if (shadow === undefined) continue;
        expect(replica.write(undefined).state).toBe(state);
        expect(isAlive(state, 'restore')).toBe(true);
        expect(replica.view).toBeDefined();
        expect(render(state, 'restore')).toBeDefined();
      }
    }),
    { numRuns: 200 },
  );
});

it('I7: what a site just wrote is what its file keeps showing, but for what others hold and what is no amount', () => {
  fc.assert(
    fc.property(history, ({ kind, replicas }) => {
      for (const replica of replicas) {
        const policies = policiesOf(kind);
        if (replica.shadow === undefined) continue;
        const live = readContent(replica.materialise().shadow ?? '', policies);
        if (live.kind !== 'json' || live.value.kind !== 'object') continue;
        const entries = new Map<string, Json>(live.value.entries).set('brand new', { kind: 'scalar', text: '"yes"' });
        const text = compactText({ kind: 'object', entries });
        expect(JSON.parse(replica.write(text).view ?? 'null')).toEqual(JSON.parse(text));
      }
    }),
    { numRuns: 200 },
  );
});
