/** `axle demo`: three sites on this machine, and a window on what travels between them. */
import { fileURLToPath } from 'node:url';
import type { Role } from '../../common/runtime/config.js';
import { painter, wantsColour } from '../paint.js';
import { Bursts } from './bursts.js';
import { claim } from './claim.js';
import { Daemon } from './daemon.js';
import type { DemoEvent } from './event.js';
import { type DemoSite, demoSites, prepare } from './layout.js';
import { agentArguments, type DemoMiners, demoMiners, fleetArguments, isMinersNoise, prepareMiners } from './miners.js';
import { freePort, servePages } from './pages.js';
import { describeGroup, remark, type Shown, welcome } from './show.js';

export type DemoOptions = {
  readonly dir: string;
  readonly json: boolean;
  /** Stop by itself after so long. */
  readonly seconds?: number;
  /** Of the first site's page, the hub's is one below; any free ones where it is left out. */
  readonly port?: number;
};

/** What a demo has around it. */
export type DemoWorld = {
  readonly out: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly err: { write(text: string): unknown };
  /** Resolves when the demo is to stop, and to why. */
  readonly asked: Promise<'person' | 'time'>;
  /** Program and arguments of a site's daemon. */
  readonly daemon: (role: Role, config: string) => readonly [string, ...string[]];
  /** As `daemon`, with arguments for `axle`; absent: no miners. */
  readonly axle?: (args: readonly string[]) => readonly [string, ...string[]];
};

const PATIENCE_MS = 5000;

/**
 * Resolves to the exit code after everything has stopped; 1 when the time was up before all sites were ready. Throws
 * UsageError where another demo has the folder.
 */
export async function runDemo(options: DemoOptions, world?: DemoWorld): Promise<number> {
  const release = claim(options.dir);
  try {
    return await show(options, world ?? thisProcess(options.seconds));
  } finally {
    release();
  }
}

/** The demo is ready without them. The agent looks for miners when it starts: not before they listen. */
function startMiners(miners: DemoMiners, { axle }: DemoWorld, screen: Screen): { stop(): Promise<unknown> } {
  if (axle === undefined) return { stop: async () => {} };
  const start = (site: string, args: readonly string[]) =>
    new Daemon({ site, command: axle(args), onEvent: screen.event, onRemark: screen.remark });
  const fleet = start('simulated miners', fleetArguments(miners));
  const started = [fleet];
  let isOver = false;
  void fleet.ready.then(() => {
    if (!isOver) started.push(start('miners', agentArguments(miners)));
  });
  return {
    stop: () => {
      isOver = true;
      return Promise.all(started.map((daemon) => daemon.stop()));
    },
  };
}

function thisProcess(seconds: number | undefined): DemoWorld {
  const daemon = (role: Role, config: string) => axle([role, '--config', config, '--log-format', 'json']);
  return { out: process.stdout, err: process.stderr, asked: askedToStop(seconds), daemon, axle };
}

async function show(options: DemoOptions, world: DemoWorld): Promise<number> {
  const sites = demoSites(options.dir);
  const port = options.port ?? 0;
  const statusPort = await freePort(Math.max(0, port - 1));
  prepare(sites, statusPort);
  const miners = world.axle && demoMiners(options.dir, sites, await freePort(port === 0 ? 0 : port + sites.length - 1));
  const paying = sites.find(({ site }) => site === miners?.site);
  if (miners !== undefined && paying !== undefined) prepareMiners(miners, paying);
  const pages = await servePages(sites, port);
  const status = `http://127.0.0.1:${statusPort}`;
  const screen = (options.json ? jsonScreen : textScreen)(sites, { sites: pages.origins, status, miners }, world);
  const waiting = new Set(sites.map(({ site }) => site));
  const daemons = sites.map(
    ({ site, role, config }) =>
      new Daemon({ site, command: world.daemon(role, config), onEvent: screen.event, onRemark: screen.remark }),
  );
  const helpers = miners && startMiners(miners, world, screen);
  const allReady = Promise.all(daemons.map(async (daemon) => waiting.delete(await daemon.ready)));
  void allReady.then(() => screen.welcome());
  const patience = setInterval(() => {
    if (waiting.size > 0) screen.remark(`waiting for ${[...waiting].join(', ')}`);
  }, PATIENCE_MS);
  const reason = await world.asked;
  clearInterval(patience);
  screen.farewell();
  await pages.close();
  // In any order: what is on its way waits in the spools.
  await Promise.all([helpers?.stop(), ...daemons.map((daemon) => daemon.stop())]);
  screen.close();
  return reason === 'time' && waiting.size > 0 ? 1 : 0;
}

function axle(args: readonly string[]): readonly [string, ...string[]] {
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  return [process.execPath, main, ...args, '--exit-with-parent'];
}

/** Ctrl-C, SIGTERM, a closed terminal, a reader that went away, or the time. A second Ctrl-C ends the demo at once. */
function askedToStop(seconds: number | undefined): Promise<'person' | 'time'> {
  return new Promise((resolve) => {
    let times = 0;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        times += 1;
        // The children notice that we are gone.
        if (times > 1) process.exit(1);
        resolve('person');
      });
    }
    process.stdout.on('error', () => resolve('person'));
    if (seconds !== undefined) setTimeout(() => resolve('time'), seconds * 1000).unref();
  });
}

type Screen = {
  event(event: DemoEvent): void;
  remark(text: string): void;
  welcome(): void;
  farewell(): void;
  close(): void;
};

function jsonScreen(sites: readonly DemoSite[], pages: Shown, { out, err }: DemoWorld): Screen {
  // Before everybody is ready there is no first line yet, and nothing may come before it.
  let waiting: object[] | undefined = [];
  const shown = ({ site, role, userdata }: DemoSite) => {
    const page = role === 'hub' ? pages.status : pages.sites.get(site);
    return [site, { userdata, ...(page !== undefined && { page: `${page}/` }) }];
  };
  const say = (line: object) => out.write(`${JSON.stringify(line)}\n`);
  const sayAfterFirst = (line: object) => void (waiting === undefined ? say(line) : waiting.push(line));
  return {
    event: (event) => sayAfterFirst(event.raw),
    remark: (text) => void err.write(`${text}\n`),
    welcome() {
      const miners = pages.miners && { page: `http://127.0.0.1:${pages.miners.port}/`, balance: pages.miners.balance };
      say({ ready: true, sites: Object.fromEntries(sites.map(shown)), ...(miners !== undefined && { miners }) });
      for (const line of waiting ?? []) say(line);
      waiting = undefined;
    },
    farewell() {},
    close() {},
  };
}

function textScreen(sites: readonly DemoSite[], pages: Shown, { out }: DemoWorld): Screen {
  const paint = painter(wantsColour(out));
  const now = () => new Date();
  const say = (text: string) => void out.write(`${text}\n`);
  const bursts = new Bursts((groups) => {
    for (const group of groups) {
      const line = describeGroup(group, paint);
      if (line !== undefined) say(line);
    }
  }, now);
  return {
    event: (event) => {
      if (!isMinersNoise(pages.miners, event)) bursts.add(event);
    },
    remark: (text) => say(remark(text, now(), paint)),
    welcome: () => say(welcome(sites, pages, paint)),
    farewell() {
      bursts.flush();
      say('\nStopping; a second start goes on from here.');
    },
    close: () => bursts.flush(),
  };
}
