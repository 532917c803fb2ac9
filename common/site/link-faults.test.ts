/** What real links do to a site, found on real hosts: leftovers of a killed transfer, and peers that refuse each other. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { labTests } from '../testing/lab-tests.js';
import { sleep } from '../testing/sites.js';

const test = labTests(4);
const ANDY = 'balances/1-andy';

describe('a link with a fault', () => {
  test('a start removes what a killed rsync transport left in the outbox, the folder it stages in too', async (lab) => {
    await lab.start();
    const faucet = lab.site('roflfaucet');
    const outbox = path.join(faucet.state, 'outbox', lab.hub.name);
    await faucet.stop();
    fs.mkdirSync(path.join(outbox, '.sending'), { recursive: true });
    fs.writeFileSync(path.join(outbox, '.sending', 'half'), 'a batch');
    fs.writeFileSync(path.join(outbox, 'half'), 'a batch');
    await faucet.start();
    expect(fs.readdirSync(outbox).filter((name) => name.includes('half') || name === '.sending')).toEqual([]);
  });

  test('I9: a change is sent at once over a link whose last transfer only looked failed', async (lab) => {
    await lab.start();
    await lab.settled();
    const faucet = lab.site('roflfaucet');
    // Delivered, and the sender is told that it was not.
    lab.fate = ({ from }) => (from === lab.hub.name ? 'delivered but failed' : 'pass');
    lab.hub.write(ANDY, { balance: 5 });
    await lab.until('the spoke has it', () => faucet.balanceOf(ANDY) === 5);
    await lab.until('the hub knows', () => lab.hub.site.peers.every(({ isSettled }) => isSettled));
    lab.fate = () => 'pass';
    lab.hub.write(ANDY, { balance: 6 });
    await lab.balance(ANDY, 6, 4_000);
  });

  test('I9: two that refuse each other’s every word do not answer each other at full speed', async (lab) => {
    await lab.start();
    const faucet = lab.site('roflfaucet');
    lab.fate = ({ text }) => ({ instead: text.replace('"axle":1', '"axle":99') });
    faucet.write(ANDY, { balance: 5 });
    await lab.until('the hub refuses', () => lab.hub.log.some(({ fields }) => fields.code === 'AXL-BATCH-FORMAT'));
    const before = lab.mail.length;
    await sleep(2_000);
    // Once a second from each end of the link, and the document itself once more.
    expect(lab.mail.length - before).toBeLessThan(10);
    lab.fate = () => 'pass';
    await lab.balance(ANDY, 5);
  });
});
