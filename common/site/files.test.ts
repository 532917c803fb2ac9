/** What happens to live files, as the people and programs see it that write them. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { absorbLateWrites } from '../replica/late-writes.js';
import { labTests } from '../testing/lab-tests.js';
import { type Lab, type LabSite, sleep } from '../testing/sites.js';

const test = labTests(8);
const ANDY = 'balances/1-andy';
const BOB = 'profiles/3-bob';
const TOKEN = 'tokens/abc';

/** Started, with one balance of 100 known everywhere. */
async function withAndy(lab: Lab): Promise<{ hub: LabSite; faucet: LabSite; charity: LabSite }> {
  for (const site of lab.sites) site.write(ANDY, { balance: 100 });
  await lab.start();
  return { hub: lab.hub, faucet: lab.site('roflfaucet'), charity: lab.site('clickforcharity') };
}

describe('writes of every kind arrive', () => {
  test('I2: two writes of the same size within one second both arrive', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    faucet.write(ANDY, { balance: 111 });
    await lab.until('the first is there', () => charity.balanceOf(ANDY) === 111);
    faucet.write(ANDY, { balance: 112 });
    await lab.expectBalance(ANDY, 112);
  });

  test('I6: a torn write changes nothing until it is complete', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    faucet.write(ANDY, '{"balance": 1');
    await sleep(60);
    charity.credit(ANDY, 5);
    await lab.until('the hub has the other change', () => lab.hub.balanceOf(ANDY) === 105);
    expect(faucet.text(ANDY)).toBe('{"balance": 1');
    faucet.write(ANDY, '{"balance": 120}');
    await lab.expectBalance(ANDY, 125);
  });

  for (const [what, content] of [
    ['an empty file', ''],
    ['a file of blanks', ' \n'],
    ['invalid JSON', '{"balance": 100,,}'],
    ['a JSON array', '[1,2]'],
    ['a JSON number', '42'],
    ['null', 'null'],
  ] as const)
    test(`I6: ${what} changes no document, and gives way to news`, async (lab) => {
      const { faucet, charity } = await withAndy(lab);
      faucet.write(ANDY, content);
      await sleep(50);
      charity.credit(ANDY, 5);
      await lab.expectBalance(ANDY, 105);
    });

  test('I6: bytes that are no UTF-8 are left alone and reported, and the document goes on elsewhere', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    const bytes = Buffer.from([0x7b, 0xff, 0xfe]);
    fs.writeFileSync(faucet.path(ANDY), bytes);
    await lab.until('it is reported', () => faucet.log.some(({ event }) => event === 'not readable'));
    charity.credit(ANDY, 5);
    await lab.until('the hub goes on', () => lab.hub.balanceOf(ANDY) === 105);
    expect(fs.readFileSync(faucet.path(ANDY))).toEqual(bytes);
    faucet.write(ANDY, { balance: 101 });
    await lab.expectBalance(ANDY, 106);
  });

  test('I6: a file of 10 MB is refused and reported, and harms nobody', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    const huge = JSON.stringify({ balance: 100, x: 'x'.repeat(10 * 1024 * 1024) });
    faucet.write(ANDY, huge);
    faucet.write('balances/2-eve', { balance: 7 });
    await lab.balance('balances/2-eve', 7);
    await lab.until('it is reported', () => faucet.logged('AXL-TOO-LARGE'));
    charity.credit(ANDY, 5);
    await lab.until('the others go on', () => lab.hub.balanceOf(ANDY) === 105);
    expect(faucet.text(ANDY)?.length).toBe(huge.length);
    faucet.write(ANDY, { balance: 101 });
    await lab.expectBalance(ANDY, 106);
  });

  test('I6, I10: symlinks, folders and names that are not ours are left alone', async (lab) => {
    const { faucet, hub } = await withAndy(lab);
    const secret = path.join(lab.root, 'secret');
    fs.writeFileSync(secret, '{"balance":1000000}');
    const balances = path.join(faucet.userdata, 'balances');
    fs.symlinkSync(secret, path.join(balances, '6-link.txt'));
    fs.mkdirSync(path.join(balances, '7-folder.txt'));
    const names = [
      '.hidden.txt',
      '1-andy.txt.lock',
      '1-andy.backup.txt',
      '1-andy.sync-conflict-20240101-1.txt',
      'a b.txt',
      '-rf.txt',
      'note.md',
    ];
    for (const name of names) fs.writeFileSync(path.join(balances, name), '{"balance":5}');
    faucet.credit(ANDY, 1);
    await lab.expectBalance(ANDY, 101);
    expect(fs.readdirSync(path.join(hub.userdata, 'balances')).sort()).toEqual(['1-andy.txt']);
    // A live file that became a symlink is neither followed nor replaced.
    fs.rmSync(faucet.path(ANDY));
    fs.symlinkSync(secret, faucet.path(ANDY));
    await sleep(50);
    hub.credit(ANDY, 1);
    await lab.until('the third site goes on', () => lab.site('clickforcharity').balanceOf(ANDY) === 102);
    expect(fs.readFileSync(secret, 'utf8')).toBe('{"balance":1000000}');
    expect(fs.lstatSync(faucet.path(ANDY)).isSymbolicLink()).toBe(true);
  });

  test('a document that is no JSON object travels whole', async (lab) => {
    const { faucet, hub } = await withAndy(lab);
    faucet.write(TOKEN, 'just a token\n');
    await lab.same(TOKEN, 'just a token\n');
    hub.write(TOKEN, 'another\n');
    await lab.same(TOKEN, 'another\n');
    await lab.settled();
  });
});

describe('deletes', () => {
  test('I1: a balance that is removed is written back', async (lab) => {
    const { faucet } = await withAndy(lab);
    faucet.remove(ANDY);
    await lab.until('it is reported', () => faucet.logged('AXL-RESTORED'));
    await lab.expectBalance(ANDY, 100);
  });

  test('a profile that is removed goes everywhere, and can be created again', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    faucet.write(BOB, { username: 'bob', level: 3 });
    await lab.same(BOB, { username: 'bob', level: 3 });
    charity.remove(BOB);
    await lab.same(BOB, undefined);
    await lab.settled();
    faucet.write(BOB, { username: 'bob', level: 1 });
    await lab.until('it is back', () =>
      lab.sites.every((site) => (site.value(BOB) as { username?: string } | undefined)?.username === 'bob'),
    );
    await lab.settled();
    lab.expectSame(BOB);
  });

  test('the delete of a token wins over a write at the same time', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    faucet.write(TOKEN, { token: 'abc', used: false });
    await lab.same(TOKEN, { token: 'abc', used: false });
    await lab.settled();
    faucet.isCut = true;
    faucet.write(TOKEN, { token: 'abc', used: true });
    await sleep(50);
    charity.remove(TOKEN);
    await lab.until('the hub has removed it', () => lab.hub.value(TOKEN) === undefined);
    faucet.isCut = false;
    await lab.same(TOKEN, undefined);
    await lab.settled();
    lab.expectSame(TOKEN);
  });

  test('I8: a kind whose folder is taken away deletes nothing elsewhere', async (lab) => {
    const { faucet, hub } = await withAndy(lab);
    hub.write(BOB, { username: 'bob' });
    await lab.same(BOB, { username: 'bob' });
    fs.renameSync(path.join(faucet.userdata, 'profiles'), path.join(faucet.home, 'away'));
    faucet.site.engine.look(BOB);
    await sleep(300);
    expect(hub.value(BOB)).toEqual({ username: 'bob' });
    fs.renameSync(path.join(faucet.home, 'away'), path.join(faucet.userdata, 'profiles'));
    hub.write(BOB, { username: 'bob', level: 2 });
    await lab.same(BOB, { username: 'bob', level: 2 });
  });
});

describe('replacing files', () => {
  test('I4: what a writer without the lock writes to a file that was just replaced is absorbed', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    const fd = fs.openSync(faucet.path(ANDY), 'r+');
    const inode = fs.fstatSync(fd).ino;
    charity.credit(ANDY, 50);
    await lab.balance(ANDY, 150);
    expect(fs.statSync(faucet.path(ANDY)).ino).not.toBe(inode);
    fs.ftruncateSync(fd);
    fs.writeSync(fd, '{"balance": 110}', 0);
    fs.closeSync(fd);
    faucet.aheadMs += 4_000;
    await lab.expectBalance(ANDY, 160);
    expect(faucet.logged('AXL-LATE-WRITE')).toBe(true);
    await lab.expectClean();
    await lab.expectBalance(ANDY, 160);
  });

  test('I4: a late write is looked at once more after a crash', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    const fd = fs.openSync(faucet.path(ANDY), 'r+');
    faucet.arm('materialise: renamed');
    charity.credit(ANDY, 50);
    await lab.until('it crashed', () => !faucet.isAlive);
    fs.writeSync(fd, '{"balance": 110}          ', 0);
    fs.closeSync(fd);
    await faucet.start();
    await lab.balance(ANDY, 150);
    faucet.aheadMs += 4_000;
    await lab.expectBalance(ANDY, 160);
    await faucet.site.replica.exclusive(() => absorbLateWrites(faucet.site.replica));
    await lab.expectBalance(ANDY, 160);
  });

  test('I4: a writer between the last look and the rename loses nothing', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    for (const step of ['materialise: temp synced', 'materialise: intent committed', 'materialise: linked'] as const) {
      const before = lab.hub.balanceOf(ANDY) as number;
      faucet.at(step, () => faucet.credit(ANDY, 10));
      charity.credit(ANDY, 1);
      await lab.expectBalance(ANDY, before + 11);
      faucet.at(step, () => faucet.replace(ANDY, { balance: (faucet.balanceOf(ANDY) as number) + 10 }));
      charity.credit(ANDY, 1);
      await lab.expectBalance(ANDY, before + 22);
    }
  });

  test('I5: writers with the lock on all sites at once lose nothing', async (lab) => {
    await withAndy(lab);
    await Promise.all(
      lab.sites.map(async (site) => {
        for (let i = 0; i < 20; i++) await site.lockedCredit(ANDY, 1);
      }),
    );
    await lab.expectBalance(ANDY, 160);
  });

  test('I7: shape, key order, unknown fields and formatting are kept', async (lab) => {
    const { faucet, charity, hub } = await withAndy(lab);
    const text = '{\n  "user_id": "1-andy",\n  "balance": "5000",\n  "odd": {"deep": [1, 2.50]},\n  "url": "a/b"\n}\n';
    faucet.write('balances/9-shape', text);
    await lab.until(
      'it is there',
      () => hub.text('balances/9-shape') !== undefined && charity.text('balances/9-shape') !== undefined,
    );
    hub.write('balances/9-shape', (hub.text('balances/9-shape') as string).replace('5000', '5010'));
    await lab.until('it came back', () => faucet.text('balances/9-shape')?.includes('5010') === true);
    const value = faucet.value('balances/9-shape') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['user_id', 'balance', 'odd', 'url']);
    expect(value.balance).toBe('5010');
    expect(faucet.text('balances/9-shape')).toContain('2.50');
    expect(faucet.text('balances/9-shape')).toContain('\n  "balance"');
    expect(faucet.text('balances/9-shape')?.endsWith('}\n')).toBe(true);
  });

  test('I7: a file that shows the view already is never rewritten', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    const odd = '{ "balance" :   123.0 }';
    faucet.write(ANDY, odd);
    await lab.balance(ANDY, 123);
    await lab.settled();
    const before = fs.statSync(faucet.path(ANDY), { bigint: true });
    await charity.restart();
    await faucet.restart();
    await lab.settled();
    const after = fs.statSync(faucet.path(ANDY), { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
    expect(faucet.text(ANDY)).toBe(odd);
  });

  test(
    'a kind that is configured and has no folder is told of once, at the start',
    async (lab) => {
      const { hub, faucet, charity } = await withAndy(lab);
      const told = (site: LabSite) => site.log.filter(({ fields }) => fields.code === 'AXL-NO-FOLDER');
      for (const site of [faucet, charity, hub])
        expect(told(site)).toMatchObject([
          { level: 'warn', event: 'kind without its folder', fields: { kind: 'fleet' } },
        ]);
      fs.mkdirSync(path.join(hub.userdata, 'fleet'));
      await hub.restart();
      expect(told(hub)).toHaveLength(1);
    },
    { kinds: { fleet: {} } },
  );

  if (process.getuid?.() === 0)
    test('owner, group and mode stay as they are when a file is replaced', async (lab) => {
      const { faucet, charity } = await withAndy(lab);
      fs.chownSync(faucet.path(ANDY), 33, 1234);
      fs.chmodSync(faucet.path(ANDY), 0o640);
      charity.credit(ANDY, 1);
      await lab.expectBalance(ANDY, 101);
      const { uid, gid, mode } = fs.statSync(faucet.path(ANDY));
      expect([uid, gid, mode & 0o7777]).toEqual([33, 1234, 0o640]);
    });
});
