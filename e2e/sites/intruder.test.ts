import { beforeAll, describe, expect, it } from 'vitest';
import { makeStamp } from '../../common/core/stamp.js';
import type { DocState } from '../../common/core/state.js';
import { needsLab } from '../lab/skip.js';
import { Intruder } from './intruder.js';
import { balanceFile } from './shapes.js';
import { useSites } from './three-sites.js';

const ANDY = 'balances/1-andy';

describe.skipIf(needsLab('an intruder on a real site'))('an intruder who has taken over one spoke', () => {
  const sites = useSites();
  let intruder: Intruder;

  beforeAll(async () => {
    const { hub, rofl, click } = sites();
    click.write(ANDY, balanceFile('1-andy', 1_000));
    await sites().balanceEverywhere(ANDY, 1_000);
    intruder = new Intruder(rofl, hub);
  });

  /** Pushes a state of 1-andy, and expects that the hub refuses it and says why. */
  async function refused(state: DocState, code: string, document = ANDY, as?: string): Promise<void> {
    const { hub } = sites();
    const from = hub.log().length;
    await intruder.push(document, state, as);
    await hub.logged(new RegExp(`batch refused .*peer=roflfaucet code=${code}`), { from });
    await sites().balanceEverywhere(ANDY, 1_000);
  }

  const credit = (replica: string): DocState => ({ counters: { '/balance': { by: { [replica]: ['31337', '0'] } } } });

  it("cannot send another site's credits", async () => {
    await refused(credit(Intruder.replicaOf(sites().click)), 'AXL-NOT-YOURS');
  });

  it("cannot send the hub's credits, nor write with another site's stamp", async () => {
    await refused(credit(Intruder.replicaOf(sites().hub)), 'AXL-NOT-YOURS');
    const stamp = makeStamp(Date.now(), 0, 'clickforcharity');
    await refused({ registers: { '/last_source': ['"forged"', stamp] } }, 'AXL-NOT-YOURS');
  });

  it('cannot speak in the name of another site', async () => {
    const click = Intruder.replicaOf(sites().click);
    await refused(credit(click), 'AXL-WRONG-SENDER', ANDY, click);
  });

  it('cannot name a document outside of userdata', async () => {
    const own = credit(Intruder.replicaOf(sites().rofl));
    for (const name of ['balances/../../../../etc/cron.d/x', '../x/1-andy', '/etc/passwd', 'balances/.axle']) {
      await refused(own, 'AXL-BATCH-DOCUMENT', name);
    }
  });

  it('cannot write from the future, before which nobody could write again', async () => {
    const stamp = makeStamp(Date.now() + 3_600_000, 0, 'roflfaucet');
    await refused({ registers: { '/last_source': ['"forged"', stamp] } }, 'AXL-CLOCK-AHEAD');
  });

  it('gets no shell, no files and no tunnel with the key', async () => {
    const { ssh, destination } = intruder;
    for (const command of ['id', 'cat /etc/passwd', 'rsync --server --sender . /etc/passwd', '/bin/sh -i']) {
      const { stdout } = await intruder.run([...ssh, destination, command]);
      expect(stdout, command).toMatch(/^(@RSYNCD: .*\n)?(@ERROR: .*\n)?$/);
    }
    expect((await intruder.run([...ssh, '-tt', destination])).stdout).not.toMatch(/\$|#/);
    const scp = await intruder.run(['scp', ...ssh.slice(1), `${destination}:/etc/passwd`, '/var/tmp/stolen']);
    expect(scp.code).not.toBe(0);
    const tunnel = await intruder.run([...ssh, '-W', 'localhost:22', destination]);
    expect(tunnel.stdout).not.toContain('SSH-2.0');
    const back = await intruder.run([
      ...ssh,
      '-N',
      '-o',
      'ExitOnForwardFailure=yes',
      '-R',
      '9999:localhost:22',
      destination,
    ]);
    expect(back.code).not.toBe(0);
  });

  it('sees no list of modules, no module of others, and not what lies in the inbox', async () => {
    expect((await intruder.rsync(intruder.url(''))).stdout).toBe('');
    for (const module of ['clickforcharity', 'state', 'userdata', '..', 'inbox/../..']) {
      const { code, stdout } = await intruder.rsync('-r', intruder.url(`${module}/`));
      expect(code, module).not.toBe(0);
      expect(stdout).toBe('');
    }
    for (const args of [['-r'], ['--dirs'], ['--list-only'], []]) {
      const reading = await intruder.rsync(...args, intruder.url('inbox/'), '/var/tmp/stolen');
      expect(reading.stderr, args.join()).toMatch(/write only|refuse/);
      expect(reading.stdout).toBe('');
    }
  });

  it('I10: cannot leave the inbox, nor put there anything but a batch', async () => {
    const { hub } = sites();
    const tree = () => hub.host.must(['find', '/var/lib/axle', hub.userdata, '-name', '*evil*']);
    const evil = await intruder.file('evil.txt', 'evil');
    const batch = await intruder.file(`0000000000000002-roflfaucet~00000000-e0e0e0e0.batch`, 'evil');
    await intruder.run(['ln', '-sf', '/etc/passwd', '/var/tmp/forged/evil-link']);
    const attempts: string[][] = [
      [evil, intruder.url('inbox/')],
      [evil, intruder.url('inbox/../evil.txt')],
      [evil, intruder.url('inbox/../../../../../../var/lib/axle/.ssh/evil')],
      [evil, intruder.url('inbox//var/lib/axle/evil')],
      ['-l', '/var/tmp/forged/evil-link', intruder.url('inbox/')],
      ['-r', '--delete', '/var/tmp/forged/', intruder.url('inbox/')],
      ['--backup', '--backup-dir=/var/lib/axle/evil', batch, intruder.url('inbox/')],
      ['--temp-dir=/var/lib/axle', batch, intruder.url('inbox/')],
      ['--partial-dir=/var/lib/axle/evil', batch, intruder.url('inbox/')],
      ['--inplace', batch, intruder.url('inbox/')],
      ['--link-dest=/var/lib/axle', batch, intruder.url('inbox/')],
    ];
    for (const attempt of attempts) {
      expect((await intruder.rsync(...attempt)).code, attempt.join(' ')).not.toBe(0);
    }
    expect(await tree()).toBe('');
    await sites().balanceEverywhere(ANDY, 1_000);
  });

  it('has not got in the way of the true daemon of that spoke', async () => {
    sites().rofl.write(ANDY, balanceFile('1-andy', 1_005));
    await sites().balanceStays(ANDY, 1_005, 30_000);
  });
});
