/** `axle backup` of sites that run, and `axle restore`: what came after is neither lost nor counted twice. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StepName } from '../../common/replica/steps.js';
import { HUB, Lab, type LabSite } from '../../common/testing/sites.js';
import { axle, configOf } from '../testing/lab.js';

/** Between the intent and what settles it. */
const HALF_DONE: readonly StepName[] = [
  'materialise: intent committed',
  'materialise: linked',
  'materialise: renamed',
  'materialise: folder synced',
];

const ANDY = 'balances/1-andy';
const BOB = 'balances/2-bob';
const CORA = 'profiles/3-cora';

let lab: Lab;
let file = '';

beforeEach(async () => {
  lab = new Lab({ inMemory: true });
  for (const site of lab.sites) {
    site.write(ANDY, { balance: 100 });
    site.write(CORA, { email: 'c@example.org', level: 2 });
  }
  await lab.start();
  await lab.settled();
  file = path.join(lab.root, 'backup.tar.gz');
});
afterEach(() => lab.close());

async function backup(site: LabSite, ...more: string[]): Promise<string> {
  const config = configOf(lab, site);
  const { code, out, err } = await axle('backup', file, '--config', config, ...more);
  expect(err).toBe('');
  expect(out).toContain(`${site.name} (${site.replicaId}) as of 20`);
  expect(code).toBe(0);
  return config;
}

/** Every site adds another power of ten, so that the total says what was counted how often. */
async function creditEverywhere(): Promise<void> {
  for (const [i, site] of lab.sites.entries())
    await site.site.change({ document: ANDY, path: '/balance', amount: String(1000 * 10 ** i), source: 'x' });
}

describe('axle backup and restore', () => {
  it.each(['roflfaucet', HUB])('I1: a backup of %s: credits made after it count, once', async (name) => {
    const site = lab.site(name);
    site.write(BOB, { balance: 7 });
    await lab.expectBalance(BOB, 7);
    const config = await backup(site);
    await creditEverywhere();
    site.credit(BOB, 3);
    lab.site('clickforcharity').write('balances/4-dave', { balance: 4 });
    await lab.expectBalance(ANDY, 111_100);
    await lab.expectBalance(BOB, 10);
    const before = site.replicaId;
    await site.stop();
    const { code, out, err } = await axle('restore', file, '--config', config);
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(site.balanceOf(ANDY)).toBe(100);
    expect(site.balanceOf(BOB)).toBe(7);
    expect(site.text('balances/4-dave')).toBeUndefined();
    const aside = /what was there is in (\S+userdata\S+)/.exec(out)?.[1] ?? '';
    expect(fs.readFileSync(path.join(aside, `${ANDY}.txt`), 'utf8')).toContain('111100');
    await site.start();
    await lab.expectBalance(ANDY, 111_100);
    await lab.expectBalance(BOB, 10);
    await lab.expectBalance('balances/4-dave', 4);
    expect(site.replicaId).not.toBe(before);
    await creditEverywhere();
    await lab.expectBalance(ANDY, 222_100);
    lab.expectSame(CORA);
    expect((await axle('verify', '--config', config)).code).toBe(0);
  });

  it('I1: a backup of a site that is being written to all the time: what is put back counts nothing of its own', async () => {
    const site = lab.site('roflfaucet');
    const peer = lab.site('clickforcharity');
    let credits = 0;
    let isOver = false;
    const writer = (async () => {
      while (!isOver) {
        const from = credits % 2 === 0 ? site : peer;
        await from.site.change({
          document: credits % 3 === 0 ? BOB : ANDY,
          path: '/balance',
          amount: '1',
          source: 'x',
        });
        credits++;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    await lab.until('there is much to do', () => credits > 50);
    const config = await backup(site);
    const more = credits + 50;
    await lab.until('more was done', () => credits > more);
    isOver = true;
    await writer;
    await lab.settled();
    await site.stop();
    expect((await axle('restore', file, '--config', config)).code).toBe(0);
    await site.start();
    await lab.settled();
    const sum = (site.balanceOf(ANDY) ?? 0) + (site.balanceOf(BOB) ?? 0);
    expect(sum).toBe(100 + credits);
    lab.expectSame(ANDY);
    lab.expectSame(BOB);
  });

  it.each(HALF_DONE)(
    'I1: a backup of what a crash at "%s" left: a file that was being replaced is counted once',
    async (step) => {
      const site = lab.site('roflfaucet');
      site.arm(step);
      await lab.site('clickforcharity').site.change({ document: ANDY, path: '/balance', amount: '50', source: 'x' });
      await lab.until('it crashed', () => !site.isAlive);
      const config = configOf(lab, site);
      expect(await axle('backup', file, '--config', config)).toMatchObject({ code: 0, err: '' });
      expect(await axle('restore', file, '--config', config)).toMatchObject({ code: 0, err: '' });
      await site.start();
      await lab.expectBalance(ANDY, 150);
      site.credit(ANDY, 1);
      await lab.expectBalance(ANDY, 151);
    },
  );

  it('takes what else lies in userdata, and the keys only where they are asked for', async () => {
    const site = lab.site('roflfaucet');
    fs.mkdirSync(path.join(site.state, 'ssh'));
    fs.writeFileSync(path.join(site.state, 'ssh/id_ed25519'), 'secret', { mode: 0o600 });
    fs.writeFileSync(path.join(site.state, 'ssh/id_ed25519.pub'), 'public');
    fs.writeFileSync(path.join(site.userdata, 'settings.json'), '{}', { mode: 0o640 });
    fs.symlinkSync('/etc/passwd', path.join(site.userdata, 'link'));
    site.write('balances/9-torn', '{"balance": ');
    const config = await backup(site);
    const list = execFileSync('tar', ['-tf', file], { encoding: 'utf8' });
    expect(list).toContain('./userdata/settings.json');
    expect(list).toContain('./unread/balances/9-torn.txt');
    expect(list).toContain('./ssh/id_ed25519.pub');
    expect(list).not.toMatch(/id_ed25519$/m);
    expect(list).not.toContain('link');
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    fs.rmSync(file);
    await backup(site, '--with-keys');
    await site.stop();
    fs.rmSync(site.state, { recursive: true });
    fs.rmSync(site.userdata, { recursive: true });
    fs.rmSync(config);
    fs.mkdirSync(site.userdata);
    expect((await axle('restore', file, '--config', config)).err).toBe('');
    expect(fs.readFileSync(path.join(site.state, 'ssh/id_ed25519'), 'utf8')).toBe('secret');
    expect(fs.statSync(path.join(site.state, 'ssh/id_ed25519')).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.join(site.state, 'ssh')).mode & 0o777).toBe(0o700);
    expect(fs.readFileSync(path.join(site.userdata, 'settings.json'), 'utf8')).toBe('{}');
    expect(fs.readFileSync(path.join(site.userdata, '.axle/conflicts/unread/balances/9-torn.txt'), 'utf8')).toContain(
      '{',
    );
    expect(fs.existsSync(config)).toBe(true);
    await site.start();
    await lab.expectBalance(ANDY, 100);
  });

  it('is refused where the daemon runs, the file is damaged, or another site’s; and changes nothing', async () => {
    const site = lab.site('roflfaucet');
    const config = await backup(site);
    const running = await axle('restore', file, '--config', config);
    expect([running.code, running.err]).toEqual([2, expect.stringContaining('the daemon is running')]);
    const other = await axle('restore', file, '--config', configOf(lab, lab.site('clickforcharity')));
    expect([other.code, other.err]).toEqual([2, expect.stringContaining('is of the spoke roflfaucet')]);
    await site.stop();
    const folder = path.join(lab.root, 'unpacked');
    fs.mkdirSync(folder);
    execFileSync('tar', ['-xf', file, '-C', folder]);
    fs.appendFileSync(path.join(folder, 'state.db'), 'x');
    const damaged = path.join(lab.root, 'damaged.tar');
    execFileSync('tar', ['-cf', damaged, '-C', folder, '.']);
    const broken = await axle('restore', damaged, '--config', config);
    expect([broken.code, broken.err]).toEqual([2, expect.stringContaining('state.db is not what was packed')]);
    fs.writeFileSync(damaged, 'no tar at all');
    expect((await axle('restore', damaged, '--config', config)).code).toBe(2);
    expect((await axle('restore', path.join(lab.root, 'none.tar'), '--config', config)).code).toBe(2);
    expect((await axle('backup', file, '--config', config)).code).toBe(2);
    expect(fs.readdirSync(site.home).sort()).toEqual(['state', 'userdata']);
    await site.start();
    await lab.expectBalance(ANDY, 100);
  });

  it('is refused where the state that is there holds what nobody else has, unless that is given up', async () => {
    const site = lab.site('roflfaucet');
    const config = await backup(site);
    lab.fate = ({ from }) => (from === 'roflfaucet' ? 'fail' : 'pass');
    await site.site.change({ document: ANDY, path: '/balance', amount: '5', source: 'x' });
    await site.stop();
    lab.fate = () => 'pass';
    const refused = await axle('restore', file, '--config', config);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('changes of 1 documents')]);
    expect((await axle('restore', file, '--force', '--config', config)).code).toBe(0);
    await site.start();
    await lab.expectBalance(ANDY, 100);
  });

  it('of a site at rest', async () => {
    const site = lab.site('roflfaucet');
    const config = configOf(lab, site);
    await site.stop();
    expect((await axle('backup', file, '--config', config)).code).toBe(0);
    expect(fs.readdirSync(site.state).filter((name) => name.startsWith('state.db'))).toEqual(['state.db']);
    expect(fs.readdirSync(path.join(site.state, 'run'))).toEqual([]);
  });
});
