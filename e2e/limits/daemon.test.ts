/** Limits of the operating system, given to real daemons: each is told with its code and remedy, and gone through unharmed. */

import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REPO_ROOT } from '../lab/repo.js';
import { HUB, NOBODY, needsLimits, Pair } from './child.js';

const ANDY = 'balances/1-andy';
const BOB = 'profiles/3-bob';

describe.skipIf(needsLimits('daemons with limits'))('a daemon', () => {
  let pair: Pair;
  beforeEach(() => {
    pair = new Pair();
  });
  afterEach(() => pair.close());

  it('I1: without file descriptors tells so, and takes in what was written once it has some again', async () => {
    const { hub, spoke } = pair;
    await Promise.all([hub.ready(), spoke.ready()]);
    hub.write(ANDY, { balance: 100 });
    await spoke.shows(ANDY, { balance: 100 });
    const open = readdirSync(`/proc/${hub.pid}/fd`).length;
    execFileSync('prlimit', ['--pid', String(hub.pid), `--nofile=${open - 1}:4096`]);
    hub.write(ANDY, { balance: 130 });
    spoke.write('balances/2-bea', { balance: 7 });
    await hub.told(/failed .*code=AXL-OPEN-FILES .*LimitNOFILE/);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(hub.isRunning).toBe(true);
    execFileSync('prlimit', ['--pid', String(hub.pid), '--nofile=4096:4096']);
    await spoke.shows(ANDY, { balance: 130 });
    await hub.shows('balances/2-bea', { balance: 7 });
    await hub.told(/works again .*code=AXL-OPEN-FILES — files can be opened again/);
    expect(hub.log).not.toContain('batch refused');
  });

  it('that cannot start a program for want of file descriptors is told why, as of any that fails to start', () => {
    const script = `
      import { openSync } from 'node:fs';
      import { run } from ${JSON.stringify(`${REPO_ROOT}/dist/common/runtime/spawn.js`)};
      try { for (;;) openSync('/dev/null', 'r'); } catch {}
      console.log(JSON.stringify(await run('true', [], { timeout_ms: 5000 })));`;
    const node = [process.execPath, '--input-type=module', '--eval', script];
    const said = execFileSync('prlimit', ['--nofile=60:60', ...node], { encoding: 'utf8' });
    expect(JSON.parse(said)).toMatchObject({ code: null, failedToStart: 'EMFILE' });
  });

  // Limits of a user namespace of its own: the machine's are not touched.
  it.each([
    ['watches', 'AXL-WATCH-LIMIT', 'max_user_watches'],
    ['instances', 'AXL-WATCH-INSTANCES', 'max_user_instances'],
  ])('without inotify %s finds changes by scanning, and watches as soon as it can', async (what, code, remedy) => {
    const { hub, spoke } = pair;
    const limit = `/proc/sys/user/max_inotify_${what}`;
    const script = `echo 0 > ${limit} && exec "$@"`;
    await hub.ready(['unshare', '--user', '--map-root-user', '/bin/sh', '-c', script, 'sh']);
    await spoke.ready();
    await hub.told(new RegExp(`failed .*step=watch code=${code} .*${remedy}`));
    hub.write(ANDY, { balance: 100 });
    await spoke.shows(ANDY, { balance: 100 });
    execFileSync('nsenter', [`--user=/proc/${hub.pid}/ns/user`, '/bin/sh', '-c', `echo 1000 > ${limit}`]);
    await hub.told(new RegExp(`works again .*step=watch code=${code} — everything is watched again`));
    await hub.told(/works again .*watch inbox/);
    const tries = hub.log.match(/failed .*step=watch /g) ?? [];
    expect(tries.length, 'told once a minute').toBe(1);
    hub.write(ANDY, { balance: 130 });
    await spoke.shows(ANDY, { balance: 130 });
  });

  it('that may not write into one folder writes into the others, and there when it may', async () => {
    const { hub, spoke } = pair;
    const before = spoke.giveToNobody(HUB);
    const profiles = join(spoke.userdata, 'profiles');
    chownSync(profiles, 0, 0);
    await hub.ready();
    // The spoke delivers into the hub's inbox, which a hub that is root gives to the owner of its state.
    chownSync(join(hub.state, 'inbox', 'roflfaucet'), NOBODY, 0);
    await spoke.ready(before);
    hub.write(BOB, { username: 'bob' });
    await spoke.told(/failed .*step="materialise profiles" code=AXL-PERMISSION .*owner and mode/);
    hub.write(ANDY, { balance: 100 });
    await spoke.shows(ANDY, { balance: 100 });
    expect(existsSync(join(profiles, '3-bob.txt'))).toBe(false);
    chownSync(profiles, NOBODY, NOBODY);
    await spoke.shows(BOB, { username: 'bob' });
    await spoke.told(/works again .*step="materialise profiles" code=AXL-PERMISSION/);
    expect(readdirSync(join(spoke.userdata, '.axle', 'tmp'))).toEqual([]);
  });

  it('I1: whose database turns out damaged stops with 1, and its hub is rebuilt from its spokes', async () => {
    const { hub } = pair;
    await hub.ready();
    hub.write(ANDY, { balance: 100 });
    await hub.told(/balances\/1-andy absorbed/);
    const database = new Database(join(hub.state, 'state.db'));
    // Not a row, which would be rebuilt while it runs, but the table of tables.
    database.unsafeMode().pragma('writable_schema = ON');
    database.prepare("UPDATE sqlite_master SET rootpage = 999999 WHERE name = 'documents'").run();
    database.pragma('schema_version = 99');
    database.close();
    hub.write(ANDY, { balance: 130 });
    expect(await hub.ended()).toBe(1);
    expect(hub.log).toMatch(/<3>failed .*code=AXL-STATE-CORRUPT .*sets it aside/);
    expect(readdirSync(hub.state).filter((name) => name.startsWith('state.db.corrupt-')).length).toBeGreaterThan(0);
    hub.start();
    await hub.told(/code=AXL-HUB-STATE/);
  });
});
