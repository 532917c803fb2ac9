/** `axle import` into a site that runs, with its peers. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Lab, type LabSite } from '../../common/testing/sites.js';
import { axle, configOf } from '../testing/lab.js';

const ANDY = 'balances/1-andy';

let lab: Lab;
let rofl: LabSite;
let config = '';
let old = '';

beforeEach(async () => {
  lab = new Lab({ spokes: ['roflfaucet'], inMemory: true });
  for (const site of lab.sites) site.write(ANDY, { balance: 100, user_id: '1-andy' });
  await lab.start();
  rofl = lab.site('roflfaucet');
  config = configOf(lab, rofl);
  old = path.join(lab.root, 'old');
  for (const kind of ['balances', 'profiles', 'other']) fs.mkdirSync(path.join(old, kind), { recursive: true });
});
afterEach(() => lab.close());

function put(name: string, content: unknown): void {
  fs.writeFileSync(path.join(old, name), typeof content === 'string' ? content : JSON.stringify(content));
}

describe('axle import', () => {
  it('shows what it would do, then does it; what is new counts once, everywhere', async () => {
    put('balances/2-bob.txt', { balance: 7 });
    put('profiles/2-bob.txt', { email: 'bob@example.org' });
    put('balances/1-andy.txt', '{ "user_id": "1-andy", "balance": 100 }');
    put('balances/1-andy.txt.lock', '');
    const dry = await axle('import', old, '--config', config);
    expect(dry).toMatchObject({ code: 0, err: '' });
    expect(dry.out).toContain('2 would be brought in, 1 the same');
    expect(dry.out).toContain('nothing was written: add --apply');
    expect(rofl.text('balances/2-bob')).toBeUndefined();
    const done = await axle('import', old, '--apply', '--config', config);
    expect(done.out).toContain('2 brought in, 1 the same');
    await lab.expectBalance('balances/2-bob', 7);
    await lab.same('profiles/2-bob', { email: 'bob@example.org' });
    expect((await axle('import', old, '--apply', '--config', config)).out).toContain('0 brought in, 3 the same');
    await lab.expectBalance('balances/2-bob', 7);
    expect(fs.readdirSync(path.join(rofl.userdata, 'balances')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('never writes over what differs unless it is told to; then the difference counts', async () => {
    put('balances/1-andy.txt', { balance: 120, user_id: '1-andy', note: 'x' });
    const left = await axle('import', old, '--apply', '--config', config);
    expect(left.code).toBe(1);
    expect(left.out).toContain(`different  ${ANDY}: balance 100 → 120, note\n`);
    expect(rofl.balanceOf(ANDY)).toBe(100);
    const dry = await axle('import', old, '--take', '--config', config);
    expect([dry.code, dry.out]).toEqual([0, expect.stringContaining('1 would be taken over what was here')]);
    expect(rofl.balanceOf(ANDY)).toBe(100);
    const taken = await axle('import', old, '--take', '--apply', '--config', config);
    expect([taken.code, taken.out]).toEqual([0, expect.stringContaining('1 taken over what was here')]);
    await lab.expectBalance(ANDY, 120);
  });

  it('refuses torn files, conflict copies, links and strange kinds, and goes on with the rest', async () => {
    put('balances/3-torn.txt', '{"balance": ');
    put('balances/4-empty.txt', '');
    put('balances/5-eve.sync-conflict-20260101-120000-ABCDEFG.txt', { balance: 1 });
    put('balances/6-list.txt', [1]);
    put('balances/8-good.txt', { balance: 8 });
    put('other/9-x.txt', { balance: 9 });
    fs.symlinkSync('/etc/passwd', path.join(old, 'balances/7-link.txt'));
    const { code, out } = await axle(
      'import',
      old,
      path.join(old, 'other/9-x.txt'),
      '--apply',
      '--json',
      '--config',
      config,
    );
    expect(code).toBe(1);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; is: string; what: string });
    expect(lines.at(-1)).toMatchObject({ new: 1, refused: 6 });
    const why = Object.fromEntries(lines.slice(0, -1).map(({ name, what }) => [path.basename(name), what]));
    expect(why).toMatchObject({
      '3-torn.txt': 'the file is not valid JSON',
      '4-empty.txt': 'the file is empty',
      '6-list.txt': 'a JSON object is expected',
      '9-x.txt': expect.stringContaining("other is none of this site's kinds"),
    });
    await lab.expectBalance('balances/8-good', 8);
    expect(fs.readdirSync(path.join(lab.hub.userdata, 'balances')).sort()).toEqual(['1-andy.txt', '8-good.txt']);
  });

  it('takes a folder of one kind, single files, and --kind', async () => {
    put('balances/2-bob.txt', { balance: 2 });
    put('other/3-cora.txt', { balance: 3 });
    const args = [path.join(old, 'balances'), '--apply', '--config', config];
    expect((await axle('import', ...args)).out).toContain('1 brought in');
    const one = [path.join(old, 'other/3-cora.txt'), '--kind', 'balances', '--apply', '--config', config];
    expect((await axle('import', ...one)).out).toContain('1 brought in');
    await lab.expectBalance('balances/2-bob', 2);
    await lab.expectBalance('balances/3-cora', 3);
  });

  it('says what the guards held of it', async () => {
    put('balances/1-andy.txt', { balance: 0, user_id: '1-andy' });
    const { out } = await axle('import', old, '--take', '--apply', '--config', config);
    expect(out).toContain('1 changes were held by guards: axle held list');
    await lab.expectBalance(ANDY, 100);
  });

  it('brings in hundreds while the site is in use', async () => {
    for (let i = 0; i < 600; i++) put(`balances/u-${i}.txt`, { balance: i });
    const done = axle('import', old, '--apply', '--config', config);
    for (let i = 0; i < 20; i++) {
      await rofl.site.change({ document: ANDY, path: '/balance', amount: '1', source: 'x' });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect((await done).out).toContain('600 brought in');
    await lab.settled(60_000);
    await lab.expectBalance(ANDY, 120);
    for (const i of [0, 1, 300, 599]) expect(lab.hub.balanceOf(`balances/u-${i}`)).toBe(i);
  }, 90_000);

  it.each([
    ['what is not there', ['/nowhere']],
    ['a folder without kinds', ['/etc/ssl']],
  ])('refuses %s', async (_what, args) => {
    expect((await axle('import', ...args, '--config', config)).code).toBe(2);
  });

  it('needs a daemon that runs', async () => {
    await rofl.stop();
    const { code, err } = await axle('import', old, '--config', config);
    expect([code, err]).toEqual([2, expect.stringContaining('axle spoke --config')]);
  });
});
