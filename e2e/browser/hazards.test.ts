/** What else the sites' pages have to live with: names, owners, sessions, servers that come and go. */
import fs from 'node:fs';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sleep } from '../../common/testing/sites.js';
import { missingForPhp } from '../../php-bridge/testing/php.js';
import { jwt } from '../../sidecar/testing/sidecars.js';
import { launch, missingForBrowser } from './browser.js';
import { type Options, Sites, type Way } from './sites.js';

const missing = missingForBrowser() ?? missingForPhp();
/** The account of the sites' PHP. */
const WWW_DATA = 33;

const FUNCTIONS = `getBalance addBalance subtractBalance updateBalanceDisplays updateCurrencyDisplays getTerminology
  checkManipulation`;
const METHODS = `getBalance getRealBalance getGuestBalance addBalance subtractBalance getGuestTransactions
  saveGuestTransaction addGuestBalance subtractGuestBalance clearGuestData flushNetChange syncBalance syncNow
  getValidUsername getUserIdFromToken getCombinedUserIdFromToken refreshLoginStatus getTerminology
  updateBalanceDisplaysSync updateCurrencyDisplay showSyncMessage updateSyncButton setupCrossSiteSync initSession
  checkManipulation`;

describe.skipIf(missing !== undefined)(`hazards${missing === undefined ? '' : `: skipped, ${missing}`}`, () => {
  let browser: Browser;
  let desk: BrowserContext;
  let opened: Sites | undefined;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    desk = await browser.newContext();
  });
  afterEach(async () => {
    await desk?.close();
    await opened?.close();
    opened = undefined;
  });

  async function start(way: Way, options: Options = {}): Promise<Sites> {
    opened = await Sites.start(browser, way, options);
    return opened;
  }

  it('every global and method of the sites’ script is there', async () => {
    const sites = await start('sidecar');
    const { rofl } = sites;
    const view = await sites.member(desk, rofl);
    await view.shows(100);
    const absent = await view.run(`[
      ...${JSON.stringify(FUNCTIONS.split(/\s+/))}.filter((name) => typeof window[name] !== 'function'),
      ...${JSON.stringify(METHODS.split(/\s+/))}.filter((name) => typeof unifiedBalance[name] !== 'function'),
    ]`);
    expect(absent).toEqual([]);
    expect(await view.run('unifiedBalance === UnifiedBalance')).toBe(true);
    expect(
      await view.run(
        '[unifiedBalance.getValidUsername(), unifiedBalance.getUserIdFromToken(), unifiedBalance.isLoggedIn]',
      ),
    ).toEqual(['andy', '1', true]);
    expect(await view.run('getTerminology()')).toEqual({
      currency: 'coins',
      fullName: 'Charity Coins',
      action: 'Earn Coins',
    });
    // A second tag is still one balance.
    await view.page.addScriptTag({ url: '/unified-balance.js' });
    await view.run('window.updateBalanceDisplays()');
    await view.run('checkManipulation(5)');
    await view.page.click('#sync-balance-btn');
    await view.run('unifiedBalance.syncBalance()');
    expect(await view.run(`document.getElementById('sync-message').textContent`)).toBe('Balance synced');
    await view.shows(100);
  });

  it.each<Way>(['php', 'sidecar'])(
    'hazard 6: by way of %s a name with a dot is sent as it is, and no other user comes into being',
    async (way) => {
      const sites = await start(way);
      const { rofl, lab } = sites;
      const view = await sites.member(desk, rofl, '7-j.doe');
      await view.shows(0);
      await view.add(20);
      await view.shows(20);
      await lab.expectBalance('balances/7-j.doe', 20);
      for (const site of lab.sites)
        expect(
          fs
            .readdirSync(`${site.userdata}/balances`)
            .filter((name) => name.endsWith('.txt'))
            .sort(),
        ).toEqual(['1-andy.txt', '7-j.doe.txt']);
    },
  );

  it.each([
    '1-andy.sync-conflict-20260101-120000-ABCDEFG',
    '1-andy_sync-conflict-20260101-120000-ABCDEFG',
    '../balances/1-andy',
  ])('hazards 6, 11: %s in the session is a guest, and no server hears of it', async (name) => {
    const sites = await start('php');
    const { rofl, lab } = sites;
    const view = await sites.open(desk, rofl);
    await view.run(`localStorage.setItem('combined_user_id', '${name}')`);
    await view.page.reload();
    await view.add(20);
    await view.shows(20);
    expect(rofl.front.seen).toEqual([]);
    expect(fs.readdirSync(`${lab.site('roflfaucet').userdata}/balances`).filter((one) => one.endsWith('.txt'))).toEqual(
      ['1-andy.txt'],
    );
  });

  it.skipIf(process.getuid?.() !== 0)(
    'hazard 12: a file that a credit from the other site has replaced is still written by this site’s PHP',
    async () => {
      const sites = await start('php', { account: WWW_DATA });
      const { rofl, click, lab } = sites;
      const here = await sites.member(desk, rofl);
      const there = await sites.member(desk, click);
      await Promise.all([here.shows(100), there.shows(100)]);
      const file = `${click.at.userdata}/balances/1-andy.txt`;
      const before = fs.statSync(file);
      expect(before.uid).toBe(WWW_DATA);
      await here.add(20);
      await there.shows(120);
      await lab.expectBalance('balances/1-andy', 120);
      const after = fs.statSync(file);
      expect([after.uid, after.gid, after.mode]).toEqual([before.uid, before.gid, before.mode]);
      expect(after.ino).not.toBe(before.ino);
      // Without its sidecar, PHP writes the file by itself, under its own account.
      await click.sidecar.close();
      await there.add(7);
      await there.settled();
      await lab.expectBalance('balances/1-andy', 127);
      expect(fs.statSync(file).uid).toBe(WWW_DATA);
      await here.shows(127);
    },
  );

  it('with PHP alone, and no sidecar that a browser reaches, pages read now and then', async () => {
    const sites = await start('php', { tag: 'data-api="/api" data-poll-ms="1000"' });
    const { rofl, click } = sites;
    const here = await sites.member(desk, rofl);
    const there = await sites.member(desk, click);
    await Promise.all([here.shows(100), there.shows(100)]);
    await here.add(20);
    await there.shows(120);
    expect(click.front.seen.some(({ url }) => url.startsWith('/axle'))).toBe(false);
    await sites.expectBalance(120);
  });

  it('where PHP wants a session, it is opened with the token, and what was earned meanwhile is paid once', async () => {
    const sites = await start('php', { php: { identity: 'session' } });
    const { rofl } = sites;
    const view = await sites.open(desk, rofl);
    await view.add(5);
    await sites.signIn(view, rofl);
    await view.shows(105);
    await view.add(20);
    await view.settled();
    await view.shows(125);
    expect(rofl.front.seen.some(({ url }) => url.includes('session-init'))).toBe(true);
    await sites.expectBalance(125);
  });

  it('PHP’s session is opened as the page is loaded, for whatever else the page asks for', async () => {
    const sites = await start('php', { php: { identity: 'session' } });
    const { rofl } = sites;
    const view = await sites.member(desk, rofl);
    await view.shows(100);
    const opened = () => rofl.front.seen.filter(({ url }) => url.includes('session-init')).length;
    const before = opened();
    await view.page.reload();
    await view.page.waitForFunction(`fetch('/api/simple-profile.php?action=update_profile', {
      method: 'POST', body: JSON.stringify({ user_id: '1-andy', bio: '' }) }).then(({ status }) => status === 404)`);
    expect(opened()).toBe(before + 1);
    await view.add(20);
    await view.settled();
    expect([opened(), rofl.front.changes.length]).toEqual([before + 1, 1]);
  });

  it('with PHP alone, the token of the sign-in opens its session', async () => {
    const sites = await start('php', { php: { identity: 'session' }, tag: 'data-api="/api"' });
    const view = await sites.member(desk, sites.rofl);
    await view.shows(100);
    await view.add(20);
    await view.settled();
    await sites.expectBalance(120);
  });

  it.each<Way>(['php', 'sidecar'])(
    'by way of %s, who is no longer signed in is told, and loses nothing',
    async (way) => {
      const sites = await start(way, { php: { identity: 'session' } });
      const { rofl } = sites;
      const view = await sites.member(desk, rofl);
      await view.shows(100);
      // The token is over, and so is PHP's session; the browser's own session is not.
      const leave = async () => {
        await view.run(`localStorage.removeItem('jwt_token')`);
        await desk.clearCookies();
        await view.run(`addEventListener('axle:signed-out', ({ detail }) => { window.signedOut = detail; })`);
      };
      const note = () => view.run(`document.getElementById('sync-message')?.textContent`);
      await leave();
      expect(await view.add(20)).toEqual({ success: true, balance: 120 });
      await view.page.waitForFunction('window.signedOut');
      expect(await view.run('window.signedOut')).toEqual({ pending: 20 });
      expect(await note()).toMatch(/sign in again/);
      await sites.expectBalance(100);
      await sites.signIn(view, rofl);
      await view.settled();
      await view.shows(120);
      await sites.expectBalance(120);
      // Signed in by another tab: whoever comes back to this one need not wait.
      await leave();
      await view.add(5);
      await view.page.waitForFunction('window.signedOut');
      await view.run(`localStorage.setItem('jwt_token', '${jwt('1-andy')}')`);
      await view.run('unifiedBalance.syncNow()');
      await view.settled();
      expect(await note()).not.toMatch(/sign in again/);
      await sites.expectBalance(125);
    },
  );

  it('a sidecar that goes and comes again is followed from where it was', async () => {
    const sites = await start('sidecar');
    const { rofl, click } = sites;
    const here = await sites.member(desk, rofl);
    const there = await sites.member(desk, click);
    await Promise.all([here.shows(100), there.shows(100)]);
    await there.add(1);
    await here.shows(101);
    await rofl.sidecar.close();
    await there.add(20);
    await sites.expectBalance(121);
    await here.add(3);
    await sleep(1_000);
    expect(await here.shown()).toBe('104');
    await rofl.sidecar.start();
    await here.shows(124);
    await here.settled();
    expect(rofl.front.seen.filter(({ url }) => url.includes('/v1/events')).at(-1)?.lastEvent).toMatch(/-\d+$/);
    await sites.expectBalance(124);
  });

  it('many tabs share one stream of events, and another takes over when its tab is closed', async () => {
    const sites = await start('sidecar');
    const { rofl, click } = sites;
    const first = await sites.member(desk, rofl);
    await first.shows(100);
    const others = [];
    for (let n = 0; n < 7; n += 1) others.push(await sites.open(desk, rofl));
    for (const view of others) await view.shows(100);
    const streams = (): number => rofl.front.seen.filter(({ url }) => url.includes('/v1/events')).length;
    const before = streams();
    const there = await sites.member(await browser.newContext(), click);
    await there.shows(100);
    await there.add(20);
    for (const view of [first, ...others]) await view.shows(120);
    expect(streams()).toBe(before);
    await first.page.close();
    await there.add(20);
    for (const view of others) await view.shows(140);
    expect(streams()).toBe(before + 1);
    await there.page.context().close();
  });

  it('a credit that no rule allows is refused, said, and gone; a token of somebody else changes nothing', async () => {
    const sites = await start('sidecar');
    const { rofl } = sites;
    const view = await sites.member(desk, rofl);
    await view.shows(100);
    await view.run(`addEventListener('axle:refused', ({ detail }) => { window.refused = detail; })`);
    await view.add(50, 'printing_press');
    await view.page.waitForFunction('window.refused');
    expect(await view.run('window.refused')).toMatchObject({ amount: '50', source: 'printing_press' });
    await view.shows(100);
    // Signed in as andy, with bob's token: nothing is lost, and bob gets nothing.
    await view.run(`localStorage.setItem('jwt_token', '${jwt('2-bob')}')`);
    await view.add(20);
    await sleep(1_000);
    await view.shows(120);
    await sites.expectBalance(100);
    await view.run(`localStorage.setItem('jwt_token', '${jwt('1-andy')}')`);
    await view.run('unifiedBalance.syncNow()');
    await view.settled();
    await sites.expectBalance(120);
  });

  it('a cookie says who it is as well as a token', async () => {
    const sites = await start('sidecar');
    const { rofl } = sites;
    await desk.addCookies([{ name: 'jwt', value: jwt('1-andy'), url: rofl.front.origin, httpOnly: true }]);
    const view = await sites.open(desk, rofl);
    await view.run(`localStorage.setItem('combined_user_id', '1-andy')`);
    await view.run('unifiedBalance.refreshLoginStatus()');
    await view.shows(100);
    await view.add(20);
    await view.settled();
    await sites.expectBalance(120);
  });

  it.each<Way>(['php', 'sidecar'])(
    'by way of %s, what the sites’ former script had not sent is sent once, when no tab of it can be left',
    async (way) => {
      const sites = await start(way);
      const view = await sites.open(desk, sites.rofl);
      await view.run(`localStorage.setItem('balance_net_change:1-andy', '15')`);
      await view.run(`localStorage.setItem('balance_net_change:1-andy_timestamp', String(Date.now() - 600000))`);
      await sites.signIn(view, sites.rofl);
      await view.shows(115);
      await view.settled();
      expect(await view.stored('balance_net_change:1-andy')).toBeNull();
      await view.page.reload();
      await view.shows(115);
      await sites.expectBalance(115);
      // Touched a moment ago: it may be on its way from another tab.
      await view.run(`localStorage.setItem('balance_net_change:1-andy', '7')`);
      await view.run(`localStorage.setItem('balance_net_change:1-andy_timestamp', String(Date.now()))`);
      await view.page.reload();
      await view.shows(115);
      await sleep(500);
      await sites.expectBalance(115);
    },
  );

  it('where events are not to be had, a page reads instead', async () => {
    const sites = await start('php');
    const { rofl, click } = sites;
    click.front.mishap = ({ url }) => (url.includes('/v1/events') ? '500' : undefined);
    const here = await sites.member(desk, rofl);
    const there = await sites.member(desk, click);
    await Promise.all([here.shows(100), there.shows(100)]);
    await here.add(20);
    await there.shows(120);
  });

  it('a page that has changed hands earns for who is there now, whomever PHP’s session is for', async () => {
    const sites = await start('php', { php: { identity: 'session' } });
    const { rofl } = sites;
    const view = await sites.member(desk, rofl);
    await view.add(1);
    await view.settled();
    await view.run('localStorage.clear()');
    await sites.signIn(view, rofl, '2-bob');
    await view.shows(0);
    await view.add(20);
    await view.settled();
    await sites.expectBalance(20, '2-bob');
    await sites.expectBalance(101);
  });

  it('an event that comes before the answer is not counted beside it', async () => {
    const sites = await start('sidecar');
    const { rofl, click } = sites;
    const one = await sites.member(desk, rofl);
    const two = await sites.open(desk, rofl);
    const there = await sites.member(desk, click);
    for (const view of [one, two, there]) await view.shows(100);
    rofl.front.answerDelay_ms = 400;
    await one.add(20);
    await two.shows(120);
    await one.settled();
    await one.add(20);
    // In between somebody is paid elsewhere.
    await there.add(3);
    await one.settled();
    for (const view of [one, two, there]) await view.shows(143);
    for (const view of [one, two]) {
      const shown = await view.run<string[]>('shownEver');
      expect(
        shown
          .slice(shown.indexOf('100'))
          .map(Number)
          .filter((value) => value > 143),
      ).toEqual([]);
    }
    expect(await one.run('shownEver.slice(shownEver.indexOf("100"), shownEver.indexOf("100") + 3)')).toEqual([
      '100',
      '120',
      '140',
    ]);
  });

  it('hazard 9: a game hands in what is left of win and bet, in fractions, and nothing for a free play', async () => {
    const sites = await start('sidecar');
    const { rofl } = sites;
    const view = await sites.open(desk, rofl);
    await view.add(10);
    expect(await view.add(-2.5)).toEqual({ success: true, balance: 7.5 });
    expect(await view.add(-8)).toEqual({ success: false, error: 'Insufficient balance' });
    await sites.signIn(view, rofl);
    await view.shows(107);
    expect(await view.add(-0.1 - 0.2)).toMatchObject({ success: true, balance: 107.2 });
    expect(await view.add(0)).toMatchObject({ success: true, balance: 107.2 });
    expect(await view.spend(0)).toMatchObject({ success: true, balance: 107.2 });
    for (const amount of ['NaN', 'undefined', `'x'`])
      expect(await view.run(`addBalance(${amount})`)).toEqual({ success: false, error: 'Invalid amount' });
    expect(await view.spend(-5)).toEqual({ success: false, error: 'Invalid amount' });
    await sites.expectBalance(107.2);
    expect(rofl.front.keys).toHaveLength(1);
  });
});
