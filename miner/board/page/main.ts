/** The page of the miners: follows the fleet, and shows the part that the address names. */
import { Api, ApiFailure } from './api.js';
import type { Context, View } from './context.js';
import { CreditsView } from './credits.js';
import { DeviceView } from './device.js';
import { DevicesView } from './devices.js';
import { ask, textOf } from './dialogs.js';
import { button, field, input, place, put } from './dom.js';
import { devices, statesOf } from './summary.js';
import type { BoardFleet, Pool, Wallet } from './types.js';
import * as units from './units.js';
import { WalletsView } from './wallets.js';

/** The stream says something every 15 seconds; silent for longer, what is shown is old. */
const SILENT_MS = 35_000;
/** How often a fleet without a stream is asked for. */
const ASK_MS = 15_000;
const RETRY_MS = [1_000, 2_000, 5_000, 10_000, 15_000];
/** Ages in words go on by themselves. */
const TICK_MS = 5_000;

const api = new Api(async (wasWrong) => {
  const token = input('token', { type: 'password', required: '', spellcheck: 'false' });
  const words = wasWrong
    ? 'That token is not known, or no longer.'
    : 'From another machine, the agent asks for a token.';
  const form = await ask(
    'Token',
    [words, field('Token', token, 'axle miner token add shows one. It is kept while this tab is open.')],
    'Go on',
  );
  return form && textOf(form, 'token');
});

let heardAt = 0;
let ahead_ms = 0;
let isFollowed = false;

const context: Context = {
  api,
  fleet: undefined,
  wallets: [],
  pools: [],
  now: () => Date.now() + ahead_ms,
  isReadOnly: () => context.fleet?.source !== undefined,
  loadWallets: async () => {
    context.wallets = await listOf<Wallet>('/api/wallets');
    if (context.pools.length === 0) context.pools = await listOf<Pool>('/api/pools');
    redraw();
  },
};

/** What a copy does not have is nothing. */
const listOf = <T>(path: string): Promise<readonly T[]> => api.get<T[]>(path).catch(() => []);

const views: Readonly<Record<string, View>> = {
  devices: new DevicesView(context),
  device: new DeviceView(context),
  wallets: new WalletsView(context),
  credits: new CreditsView(context),
};
let current = '';

function route(): void {
  const [, name = '', id] = location.hash.split('/');
  const wanted = name in views ? name : 'devices';
  views[current]?.close();
  for (const key of Object.keys(views)) place(`view-${key}`).hidden = key !== wanted;
  for (const link of place('nav').querySelectorAll('a')) {
    const isHere = link.hash === (wanted === 'devices' || wanted === 'device' ? '#/' : `#/${wanted}`);
    if (isHere) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (current !== '') {
    place('main').focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  current = wanted;
  views[wanted]?.open(id);
}

function show(fleet: BoardFleet): void {
  heardAt = Date.now();
  ahead_ms = fleet.at - heardAt;
  const isFirst = context.fleet === undefined;
  context.fleet = fleet;
  document.body.classList.toggle('read-only', context.isReadOnly());
  if (isFirst) {
    route();
    void context.loadWallets();
  }
  redraw();
  tick();
}

function redraw(): void {
  const { fleet } = context;
  if (fleet === undefined) return;
  const { offline } = statesOf(fleet.miners);
  document.title = `${offline > 0 ? '● ' : ''}Miners – Axle`;
  put('about', devices(fleet.miners.length));
  views[current]?.show(fleet);
}

function tick(): void {
  const { fleet } = context;
  const isLive = isFollowed && Date.now() - heardAt < SILENT_MS;
  // A connection to old news is none to the miners.
  place('live').classList.toggle('on', isLive && fleet?.stale !== true);
  document.body.classList.toggle('stale', !isLive && fleet !== undefined);
  put(
    'live',
    isLive ? (fleet?.stale ? 'stale' : 'live') : heardAt === 0 ? 'connecting' : 'no connection, trying again',
  );
  if (fleet === undefined) return;
  const banner = place('banner');
  banner.hidden = fleet.source === undefined;
  if (fleet.source === undefined) return;
  banner.classList.toggle('bad', fleet.stale === true);
  put(banner, bannerOf(fleet, fleet.source));
}

/** Where it comes from, and how old it is. */
function bannerOf({ at, age_s, stale, message }: BoardFleet, source: string): string {
  const from = source === 'gist' ? 'a Gist' : source === 'hub' ? 'the hub' : source;
  const why = message === undefined ? '' : ` ${message}`;
  if (age_s === undefined) return `Nothing has come from the miners yet, by way of ${from}.${why}`;
  const age = units.duration(age_s + Math.max(0, (context.now() - at) / 1_000));
  return stale
    ? `Stale: the last news from the miners is ${age} old, by way of ${from}. What you see is how it was then.${why}`
    : `A copy by way of ${from}, ${age} old. Changes are made at the agent itself.${why}`;
}

/** Follows the fleet as long as the page is open. */
async function follow(): Promise<never> {
  for (let failures = 0; ; failures += 1) {
    let isStreamed = true;
    try {
      show(await api.get<BoardFleet>('/api/fleet'));
      isFollowed = true;
      tick();
      for await (const { event, data } of api.events('/api/fleet/events', () => {
        heardAt = Date.now();
      })) {
        failures = 0;
        if (event === 'fleet') show(JSON.parse(data));
      }
    } catch (error) {
      // Where there is no stream, it is asked again and again.
      isStreamed = !(isFollowed && error instanceof ApiFailure && error.status === 404);
      if (context.fleet === undefined) put('headline', (error as Error).message);
      if (error instanceof ApiFailure && error.status === 401) await wantsToken();
    }
    if (isStreamed) isFollowed = false;
    tick();
    const wait_ms = isStreamed ? RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] : ASK_MS;
    await new Promise((resolve) => setTimeout(resolve, wait_ms));
  }
}

/** Who has left the question is not asked again until they say so. */
function wantsToken(): Promise<void> {
  return new Promise((resolve) => {
    const again = button('Enter a token', () => {
      again.remove();
      resolve();
    });
    place('state').append(again);
  });
}

addEventListener('hashchange', route);
setInterval(() => {
  tick();
  redraw();
}, TICK_MS);
void follow();
