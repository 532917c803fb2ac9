import { afterEach, describe, expect, it } from 'vitest';
import { Lab } from '../testing/sites.js';

let lab: Lab | undefined;
afterEach(async () => lab?.close());

describe('try', () => {
  it('works', async () => {
    let t = performance.now();
    const say = (w: string) => { console.log(w, Math.round(performance.now() - t)); t = performance.now(); };
    lab = new Lab({ inMemory: true });
    for (const s of lab.sites) s.write('balances/1-andy', { balance: 100 });
    await lab.start(); say('start');
    lab.site('roflfaucet').credit('balances/1-andy', 10);
    lab.site('clickforcharity').credit('balances/1-andy', 5);
    await lab.balance('balances/1-andy', 115); say('balance');
    await lab.expectBalance('balances/1-andy', 115); say('settled');
    await lab.expectClean(); say('clean');
    lab.hub.crash();
    await lab.hub.start(); say('restart');
    await lab.expectBalance('balances/1-andy', 115); say('settled');
    await lab.close(); say('close');
  });
});
