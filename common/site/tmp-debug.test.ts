import { it } from 'vitest';
import { Lab } from '../testing/sites.js';
import { Replica } from '../replica/replica.js';

const orig = Replica.prototype.exclusive;
const pending = new Map<object, string>();
Replica.prototype.exclusive = function (work: () => Promise<any>) {
  const key = {};
  pending.set(key, `${this.world.site} ${this.id} ${new Error().stack!.split('\n').slice(2, 7).join('|')}`);
  let started = 'queued';
  const wrapped = () => { started = 'running'; pending.set(key, started + ' ' + pending.get(key)); return work(); };
  return (orig.call(this, wrapped) as Promise<any>).finally(() => pending.delete(key));
} as any;

it('debug', async () => {
  for (let i = 0; i < 12; i++) {
    pending.clear();
    const lab = new Lab({ spokes: ['roflfaucet'], inMemory: true });
    const hub = lab.hub, spoke = lab.site('roflfaucet');
    try {
      for (const site of lab.sites) site.write('balances/1-andy', { balance: 100 });
      hub.write('balances/4-hub', { balance: 30 });
      spoke.write('balances/5-spoke', { balance: 70 });
      await hub.start();
      spoke.arm('receive: merged');
      await spoke.start().catch(() => {});
      await lab.until('dead', () => !spoke.isAlive);
      await spoke.start();
      hub.credit('balances/1-andy', 4);
      await lab.expectBalance('balances/1-andy', 104);
      await lab.expectBalance('balances/4-hub', 30);
      await lab.expectBalance('balances/5-spoke', 70);
    } catch (e) {
      console.log((e as Error).message.split('\n')[0], [...pending.values()], (spoke.site.engine as any).backlog);
    } finally { await lab.close(); }
  }
}, 200000);
