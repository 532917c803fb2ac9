/** A disk that is full, read-only or damaged, with real small file systems: nothing confirmed is lost or counted twice. */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect } from 'vitest';
import type { StepName } from '../replica/steps.js';
import { Ahead } from '../testing/ahead.js';
import { Lab, type LabSite, sleep } from '../testing/sites.js';
import { needsMounts, onSmallDisk, type SmallDisk } from '../testing/small-disk.js';

const tests = new Ahead(8);
const SPOKE = 'roflfaucet';
const ANDY = 'balances/1-andy';
const BEA = 'balances/2-bea';

type Cast = { readonly lab: Lab; readonly hub: LabSite; readonly spoke: LabSite; readonly disk: SmallDisk };

/** A hub and one spoke, of which `what` lies on a disk of so many KiB. */
async function onDisk(what: 'userdata' | 'state', sizeKiB: number, run: (cast: Cast) => Promise<void>): Promise<void> {
  const lab = new Lab({ spokes: [SPOKE] });
  const spoke = lab.site(SPOKE);
  const disk = onSmallDisk(spoke, what, sizeKiB);
  try {
    await run({ lab, hub: lab.hub, spoke, disk });
  } finally {
    await spoke.stop().catch(() => {});
    disk.unmountAll();
    await lab.close();
  }
}

const told = (site: LabSite, code: string): number =>
  site.log.filter(({ event, fields }) => event === 'failed' && fields.code === code).length;
const works = (site: LabSite, code: string): boolean =>
  site.log.some(({ event, fields }) => event === 'works again' && fields.code === code);
const temps = (site: LabSite): string[] => fs.readdirSync(path.join(site.userdata, '.axle', 'tmp'));

describe.skipIf(needsMounts('tests of full disks'))('a full disk', () => {
  tests.it('I1: under the live files: nothing half-written stays, and all goes on when there is room', () =>
    onDisk('userdata', 512, async ({ lab, hub, spoke, disk }) => {
      const many = Array.from({ length: 20 }, (_, n) => `balances/${n + 10}-user`);
      for (const doc of many) hub.write(doc, { balance: 100 });
      await lab.start();
      await lab.balance(many[19] as string, 100);
      disk.fill();
      for (const doc of many) hub.credit(doc, 10);
      await lab.until('it is told', () => told(spoke, 'AXL-DISK-FULL') > 0);
      await sleep(2_500);
      expect(temps(spoke)).toEqual([]);
      expect(spoke.balanceOf(many[0] as string)).toBe(100);
      expect(told(spoke, 'AXL-DISK-FULL'), 'once a minute').toBe(1);
      expect(works(spoke, 'AXL-DISK-FULL')).toBe(false);
      disk.free();
      for (const doc of many) await lab.balance(doc, 110);
      await lab.until('that is told', () => works(spoke, 'AXL-DISK-FULL'));
      spoke.credit(ANDY.replace('1-andy', '10-user'), 1);
      await lab.expectBalance('balances/10-user', 111);
      await lab.expectClean();
    }),
  );

  tests.it('I6: with room for a part of a file: no torn file takes the place of a whole one', () =>
    onDisk('userdata', 512, async ({ lab, hub, spoke, disk }) => {
      hub.write(ANDY, { balance: 100, note: 'a'.repeat(20_000) });
      await lab.start();
      await lab.balance(ANDY, 100);
      disk.fill(8);
      hub.write(ANDY, { balance: 110, note: 'b'.repeat(20_000) });
      await lab.until('it is told', () => told(spoke, 'AXL-DISK-FULL') > 0);
      expect(spoke.value(ANDY)).toEqual({ balance: 100, note: 'a'.repeat(20_000) });
      disk.free();
      await lab.same(ANDY, { balance: 110, note: 'b'.repeat(20_000) });
      await lab.expectBalance(ANDY, 110);
    }),
  );

  tests.it('under the state: changes wait in the live files and at the hub', () =>
    onDisk('state', 4_096, async ({ lab, hub, spoke, disk }) => {
      for (const site of lab.sites) site.write(ANDY, { balance: 100 });
      await lab.start();
      disk.fill();
      // Bigger than what room the log of the database may still have.
      spoke.write(ANDY, { balance: 107, note: 'x'.repeat(60_000) });
      hub.write(BEA, { balance: 5 });
      await lab.until('it is told', () => told(spoke, 'AXL-DISK-FULL') > 0);
      await sleep(1_500);
      expect(hub.balanceOf(ANDY)).toBe(100);
      disk.free();
      await lab.balance(BEA, 5, 60_000);
      await lab.expectBalance(ANDY, 107);
      await lab.until('that is told', () => works(spoke, 'AXL-DISK-FULL'));
    }),
  );

  // The commit that follows is the first one that finds no room.
  for (const step of [
    'absorb: synced',
    'materialise: temp synced',
    'materialise: intent committed',
    'materialise: linked',
    'materialise: renamed',
    'receive: read',
    'send: spooled',
  ] satisfies StepName[])
    tests.it(`I1: that the state meets at "${step}" loses nothing and counts nothing twice`, () =>
      onDisk('state', 4_096, async ({ lab, hub, spoke, disk }) => {
        for (const site of lab.sites) site.write(ANDY, { balance: 100 });
        await lab.start();
        await lab.settled();
        spoke.at(step, () => disk.fill());
        hub.credit(ANDY, 50);
        spoke.credit(ANDY, 7);
        await lab.until('the disk is full', () => fs.existsSync(path.join(spoke.state, '.filler')));
        await sleep(2_500);
        disk.free();
        await lab.balance(ANDY, 157, 60_000);
        await lab.settled(30_000);
        await lab.expectBalance(ANDY, 157);
        await lab.expectClean();
      }),
    );

  tests.it(
    'I1: a file that was torn while joining is settled, not counted, also where the first try found no room',
    () =>
      onDisk('state', 4_096, async ({ lab, hub, spoke, disk }) => {
        hub.write(ANDY, { balance: 100 });
        spoke.write(ANDY, '{"balance": 1');
        await lab.start();
        spoke.at('absorb: synced', () => disk.fill());
        spoke.write(ANDY, { balance: 100, note: 'x'.repeat(10_000) });
        await lab.until('it is told', () => told(spoke, 'AXL-DISK-FULL') > 0);
        disk.free();
        await lab.until('it works again', () => works(spoke, 'AXL-DISK-FULL'));
        await lab.expectBalance(ANDY, 100);
      }),
  );
});

describe.skipIf(needsMounts('tests of read-only disks'))('a read-only disk', () => {
  tests.it('I1: under the live files: changes from elsewhere wait, and are written when it can be written again', () =>
    onDisk('userdata', 1_024, async ({ lab, hub, spoke, disk }) => {
      for (const doc of [ANDY, BEA]) hub.write(doc, { balance: 100 });
      await lab.start();
      await lab.balance(BEA, 100);
      disk.makeReadOnly();
      hub.credit(ANDY, 10);
      await lab.until('it is told', () => told(spoke, 'AXL-READ-ONLY') > 0);
      expect(spoke.balanceOf(ANDY)).toBe(100);
      disk.makeWritable();
      await lab.balance(ANDY, 110);
      await lab.until('that is told', () => works(spoke, 'AXL-READ-ONLY'));
      spoke.credit(BEA, 1);
      await lab.expectBalance(BEA, 101);
      await lab.expectClean();
    }),
  );

  tests.it('under the live files at the start: the daemon does not start, says why, and has changed nothing', () =>
    onDisk('userdata', 1_024, async ({ lab, spoke, disk }) => {
      spoke.write(ANDY, { balance: 100 });
      await lab.hub.start();
      disk.makeReadOnly();
      await expect(spoke.start()).rejects.toMatchObject({ code: 'EROFS' });
      disk.makeWritable();
      await lab.within(spoke.start(), 'it starts');
      await lab.expectBalance(ANDY, 100);
    }),
  );
});

/** A page in the middle of a database that is closed: what SQLite notices when it reads there, not when it opens. */
function damage(database: string, from: 'header' | 'middle'): void {
  const fd = fs.openSync(database, 'r+');
  try {
    const { size } = fs.fstatSync(fd);
    if (from === 'header') fs.writeSync(fd, Buffer.alloc(100, 0xa5), 0, 100, 0);
    else for (let page = 4_096; page < size; page += 4_096) fs.writeSync(fd, Buffer.alloc(64, 0xa5), 0, 64, page);
  } finally {
    fs.closeSync(fd);
  }
}

const setAside = (site: LabSite): string[] =>
  fs.readdirSync(site.state).filter((name) => /^state\.db\.corrupt-\d+$/.test(name));

/** All sites know both; the spoke has given Bea 7 that the hub has not heard of, and is stopped. */
async function withUnsent(lab: Lab): Promise<{ hub: LabSite; spoke: LabSite; database: string }> {
  const spoke = lab.site(SPOKE);
  for (const doc of [ANDY, BEA]) lab.hub.write(doc, { balance: 100 });
  await lab.start();
  await lab.balance(BEA, 100);
  spoke.credit(ANDY, 3);
  await lab.expectBalance(ANDY, 103);
  spoke.isCut = true;
  spoke.credit(BEA, 7);
  await lab.until('it is absorbed', () =>
    spoke.log.some(({ event, fields }) => event === 'absorbed' && fields.document === BEA),
  );
  await spoke.stop();
  spoke.isCut = false;
  return { hub: lab.hub, spoke, database: path.join(spoke.state, 'state.db') };
}

async function inLab(run: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = new Lab({ spokes: [SPOKE] });
  try {
    await run(lab);
  } finally {
    await lab.close();
  }
}

describe('a damaged database', () => {
  tests.it('I1: of a spoke is set aside: it joins anew, and what was not sent is held, neither lost nor doubled', () =>
    inLab(async (lab) => {
      const { hub, spoke, database } = await withUnsent(lab);
      damage(database, 'header');
      await lab.within(spoke.start(), 'the spoke joins anew');
      expect(spoke.logged('AXL-STATE-CORRUPT')).toBe(true);
      expect(setAside(spoke)).toHaveLength(1);
      await lab.settled();
      expect([hub.balanceOf(ANDY), spoke.balanceOf(ANDY)]).toEqual([103, 103]);
      expect([hub.balanceOf(BEA), spoke.balanceOf(BEA)]).toEqual([100, 100]);
      expect(spoke.store.heldAfter(0, 100)).toMatchObject([{ document: BEA, live: expect.stringContaining('107') }]);
      expect(spoke.conflicts()).toHaveLength(1);
      spoke.credit(BEA, 1);
      await lab.expectBalance(BEA, 101);
    }),
  );

  tests.it('I1: that opens, and is found damaged later, ends the start; the next one joins anew', () =>
    inLab(async (lab) => {
      const { spoke, database } = await withUnsent(lab);
      damage(database, 'middle');
      await expect(spoke.start()).rejects.toMatchObject({ code: expect.stringContaining('SQLITE_CORRUPT') });
      await lab.until('it is set aside', () => setAside(spoke).length === 1);
      await lab.within(spoke.start(), 'the spoke joins anew');
      await lab.expectBalance(ANDY, 103);
    }),
  );

  tests.it('I1: while running stops the site, and sets it aside', () =>
    inLab(async (lab) => {
      for (const site of lab.sites) site.write(ANDY, { balance: 100 });
      await lab.start();
      const spoke = lab.site(SPOKE);
      const broken = new Database(path.join(spoke.state, 'state.db'));
      // Not a row, which is rebuilt from the hub, but the table of tables.
      broken.unsafeMode().pragma('writable_schema = ON');
      broken.prepare("UPDATE sqlite_master SET rootpage = 999999 WHERE name = 'documents'").run();
      broken.pragma('schema_version = 99');
      broken.close();
      const failed = spoke.site.failed.catch((error: unknown) => error);
      spoke.credit(ANDY, 5);
      expect(await lab.within(failed, 'it fails')).toMatchObject({ code: expect.stringContaining('SQLITE_CORRUPT') });
      expect(told(spoke, 'AXL-STATE-CORRUPT')).toBe(1);
      await spoke.stop();
      expect(setAside(spoke)).toHaveLength(1);
      await lab.within(spoke.start(), 'the spoke joins anew');
      await lab.settled();
      expect(lab.hub.balanceOf(ANDY)).toBe(100);
      expect(spoke.store.heldAfter(0, 100)).toHaveLength(1);
    }),
  );

  tests.it('I1: of the hub is set aside: it is rebuilt from what its spokes hold', () =>
    inLab(async (lab) => {
      const { hub, spoke } = await withUnsent(lab);
      await hub.stop();
      damage(path.join(hub.state, 'state.db'), 'header');
      await lab.within(Promise.all([hub.start(), spoke.start()]), 'both are ready');
      expect(setAside(hub)).toHaveLength(1);
      await lab.expectBalance(ANDY, 103);
      await lab.expectBalance(BEA, 107);
    }),
  );
});
