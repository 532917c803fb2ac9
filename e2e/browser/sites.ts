/** A hub and two spokes with a sidecar each, PHP's web server where it is wanted, and the sites' pages in a browser. */
import fs from 'node:fs';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { Lab, type LabSite } from '../../common/testing/sites.js';
import { PhpSite } from '../../php-bridge/testing/php.js';
import { jwt, LabSidecar, SECRET, SERVICE } from '../../sidecar/testing/sidecars.js';
import { Front } from './front.js';

export const ANDY = '1-andy';
const WAIT_MS = 15_000;
const SOURCES = { faucet: { amount: 100, total: 100_000 }, slots_win: { amount: 100, total: 100_000 } };

/** By which way pages reach their site. */
export type Way = 'php' | 'sidecar';

const TAGS: Readonly<Record<Way, string>> = {
  php: 'data-api="/api" data-sidecar="/axle" data-site="roflfaucet"',
  sidecar: 'data-sidecar="/axle" data-writes="sidecar"',
};

export class WebSite {
  readonly front: Front;
  #php: PhpSite | undefined;
  #phpAddress = '';

  constructor(
    readonly at: LabSite,
    readonly sidecar: LabSidecar,
  ) {
    this.front = new Front({
      '/axle': () => ({ socketPath: sidecar.config.socket }),
      '/api': () => ({ host: '127.0.0.1', port: new URL(this.#phpAddress).port }),
    });
  }

  async start(way: Way, { php = {}, account }: Options): Promise<void> {
    await this.front.start();
    if (way !== 'php') return;
    this.#php = new PhpSite();
    const token = path.join(this.#php.folder, 'token');
    const secret = path.join(this.#php.folder, 'secret');
    fs.writeFileSync(token, SERVICE);
    fs.writeFileSync(secret, SECRET);
    this.#php.configure({
      site: this.at.name,
      userdata: this.at.userdata,
      sidecar: `unix:${this.sidecar.config.socket}`,
      token_file: token,
      jwt_secret_file: secret,
      connect_ms: 1_000,
      answer_ms: 3_000,
      total_ms: 8_000,
      ...php,
    });
    if (account !== undefined) giveTo(account, this.#php.folder);
    this.#phpAddress = await this.#php.serve(account);
  }

  async close(): Promise<void> {
    await this.front.close();
    await this.sidecar.close();
    await this.#php?.stop();
  }
}

export type Options = {
  readonly php?: Readonly<Record<string, string | number>>;
  /** The account that PHP runs under, to which the sites' files belong then; only for root. */
  readonly account?: number;
  /** Attributes of the script's tag, instead of those of the way. */
  readonly tag?: string;
};

export class Sites {
  private constructor(
    readonly lab: Lab,
    readonly way: Way,
    readonly browser: Browser,
    readonly rofl: WebSite,
    readonly click: WebSite,
    readonly tag: string,
  ) {}

  static async start(browser: Browser, way: Way, options: Options = {}): Promise<Sites> {
    const lab = new Lab({ inMemory: true });
    for (const site of lab.sites) site.write(`balances/${ANDY}`, { balance: 100 });
    if (options.account !== undefined) prepareFor(options.account, lab);
    await lab.start();
    await lab.settled();
    const open = async (name: string): Promise<WebSite> => {
      const config = { sources: SOURCES, limits: { user_per_minute: 6_000 } };
      const site = new WebSite(lab.site(name), await LabSidecar.start(lab, lab.site(name), config));
      await site.start(way, options);
      return site;
    };
    return new Sites(
      lab,
      way,
      browser,
      await open('roflfaucet'),
      await open('clickforcharity'),
      options.tag ?? TAGS[way],
    );
  }

  /** Another browser on another desk. */
  context(): Promise<BrowserContext> {
    return this.browser.newContext();
  }

  url(site: WebSite, more = ''): string {
    return `${site.front.origin}/?tag=${encodeURIComponent(this.tag)}${more}`;
  }

  async open(context: BrowserContext, site: WebSite, more = ''): Promise<View> {
    const view = new View(await context.newPage());
    await view.page.goto(this.url(site, more));
    return view;
  }

  /** A page whose user is signed in, as the auth server's redirect does it. */
  async member(context: BrowserContext, site: WebSite, user = ANDY): Promise<View> {
    const view = await this.open(context, site);
    await this.signIn(view, site, user);
    return view;
  }

  async signIn(view: View, site: WebSite, user = ANDY): Promise<void> {
    await view.page.goto(this.url(site, `&jwt=${jwt(user)}`));
    await view.page.waitForFunction(
      `window.unifiedBalance?.getCombinedUserIdFromToken() === '${user}' && !location.search.includes('jwt')`,
    );
  }

  /** Every site's file shows this, also a while later. */
  async expectBalance(expected: number, user = ANDY): Promise<void> {
    await this.lab.expectBalance(`balances/${user}`, expected);
  }

  async close(): Promise<void> {
    await Promise.all([this.rofl.close(), this.click.close()]);
    await this.lab.close();
  }
}

/** As on a web server: the site's files belong to its PHP, and the daemon, which is root, keeps it so. */
function prepareFor(account: number, lab: Lab): void {
  fs.chmodSync(lab.root, 0o755);
  for (const { userdata } of lab.sites) giveTo(account, userdata);
}

function giveTo(account: number, folder: string): void {
  fs.chownSync(folder, account, account);
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    fs.lchownSync(path.join(folder, name), account, account);
}

/** One tab. */
export class View {
  constructor(readonly page: Page) {}

  /** Runs a script in the page and returns what it comes to. */
  run<T = unknown>(script: string): Promise<T> {
    return this.page.evaluate(script) as Promise<T>;
  }

  add(amount: number, source = 'faucet'): Promise<{ success: boolean; balance?: number; error?: string }> {
    return this.run(`addBalance(${amount}, '${source}', 'a test')`);
  }

  spend(amount: number, source = 'slots_bet'): Promise<{ success: boolean; balance?: number; error?: string }> {
    return this.run(`subtractBalance(${amount}, '${source}', 'a test')`);
  }

  async shows(text: string | number, timeout = WAIT_MS): Promise<void> {
    await this.page.waitForFunction(`document.querySelector('.balance').textContent === '${text}'`, undefined, {
      timeout,
    });
  }

  shown(): Promise<string> {
    return this.run(`document.querySelector('.balance').textContent`);
  }

  /** Resolves when nothing is pending any more. */
  async settled(): Promise<void> {
    await this.page.waitForFunction(`unifiedBalance.netChange === 0`, undefined, { timeout: WAIT_MS });
  }

  stored(key: string): Promise<string | null> {
    return this.run(`localStorage.getItem('${key}')`);
  }
}
