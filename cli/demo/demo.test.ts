import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseHubConfig, parseSpokeConfig } from '../../common/runtime/config.js';
import { hashToken, readTokens } from '../../common/runtime/tokens.js';
import { loadMinerConfig } from '../../miner/config/config.js';
import { addressesOf } from '../../miner/discovery/addresses.js';
import { FleetStore } from '../../miner/store/store.js';
import { SIDECAR_TOKENS } from '../../sidecar/access/tokens.js';
import { UsageError } from '../exit.js';
import { claim } from './claim.js';
import { Daemon } from './daemon.js';
import { runDemo } from './demo.js';
import { type DemoSite, demoSites, prepare } from './layout.js';
import { type DemoMiners, demoMiners, prepareMiners } from './miners.js';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'axle-demo-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A daemon of a few lines: says what it is told to, and stops as a real one does. */
function fakeDaemon(body = ''): string {
  const file = join(dir, 'fake.mjs');
  writeFileSync(
    file,
    `const say = (entry) => console.log(JSON.stringify({ level: 'info', ...entry }));
     process.stdin.on('end', () => process.exit(0)).resume();
     process.on('SIGTERM', () => { say({ event: 'stopped' }); process.exit(0); });
     ${body}
     say({ event: 'absorbed', document: 'balances/early', seq: 1 });
     say({ event: 'ready', pid: process.pid });`,
  );
  return file;
}

function running(json: boolean, body?: string) {
  const said: string[] = [];
  const remarks: string[] = [];
  let stop: (why: 'person' | 'time') => void = () => {};
  const asked = new Promise<'person' | 'time'>((resolve) => {
    stop = resolve;
  });
  const fake = fakeDaemon(body);
  const code = runDemo(
    { dir: join(dir, 'demo'), json },
    {
      out: { write: (text) => said.push(text) },
      err: { write: (text) => remarks.push(text) },
      asked,
      daemon: () => [process.execPath, fake],
    },
  );
  return { said, remarks, stop, code };
}

describe('the layout', () => {
  it('is one hub and two spokes whose links lead into each other’s inbox', () => {
    const sites = demoSites(dir);
    prepare(sites);
    const [hubSite, spokeSite] = sites;
    const hub = parseHubConfig(readFileSync(hubSite?.config ?? '', 'utf8'), 'hub');
    const spoke = parseSpokeConfig(readFileSync(spokeSite?.config ?? '', 'utf8'), 'spoke');
    expect(hub.spokes.map(({ site }) => site)).toEqual(['roflfaucet', 'clickforcharity']);
    expect(hub.spokes[0]?.link).toEqual({ type: 'folder', inbox: `${spoke.state}/inbox/directsponsor` });
    expect(spoke.hub.link).toEqual({ type: 'folder', inbox: `${hub.state}/inbox/roflfaucet` });
    expect(spoke.userdata).toBe(join(dir, 'roflfaucet-data/userdata'));
  });

  it('leaves what an earlier demo left', () => {
    const sites = demoSites(dir);
    prepare(sites);
    const file = join(sites[1]?.userdata ?? '', 'balances/test-999.txt');
    writeFileSync(file, '{"balance": 1}');
    prepare(sites);
    expect(readFileSync(file, 'utf8')).toBe('{"balance": 1}');
  });
});

function walletsAt({ state }: DemoMiners): string[][] {
  const store = FleetStore.open(join(state, 'fleet.db'));
  const found = store.wallets.list().map(({ pool, currency }) => [pool, currency]);
  store.close();
  return found;
}

describe('the miners', () => {
  it('have a config that the agent takes, and a token that their site knows, also the second time', () => {
    const sites = demoSites(dir);
    const miners = demoMiners(dir, sites, 8403, 'linux') as DemoMiners;
    const paying = sites.find(({ site }) => site === miners.site) as DemoSite;
    const knows = () => {
      prepareMiners(miners, paying);
      const { credit, networks } = loadMinerConfig(miners.config);
      expect(credit?.sidecar).toEqual({ socket: paying.socket });
      expect([...addressesOf(networks ?? [])]).toContain(miners.first);
      expect(walletsAt(miners)).toEqual([['demo_pool', 'BTC']]);
      const secret = readFileSync(credit?.token_file as string, 'utf8').trim();
      expect(readTokens(join(paying.state, 'tokens.json'), SIDECAR_TOKENS)).toMatchObject([
        { sha256: hashToken(secret), scopes: ['miner-credits'] },
      ]);
      return secret;
    };
    expect(knows()).toBe(knows());
    // A site whose state was removed.
    rmSync(join(paying.state, 'tokens.json'));
    knows();
  });

  it('are not there where a machine has one loopback address', () => {
    expect(demoMiners(dir, demoSites(dir), 8403, 'darwin')).toBeUndefined();
  });
});

describe('a demo', () => {
  it('as JSON begins with where the sites are, then passes the events on', async () => {
    const { said, stop, code } = running(true);
    await expect.poll(() => said.length).toBeGreaterThanOrEqual(7);
    const [first, ...events] = said.map((line) => JSON.parse(line));
    expect(first.ready).toBe(true);
    expect(first.sites.roflfaucet.userdata).toBe(join(dir, 'demo/roflfaucet-data/userdata'));
    expect(Object.keys(first.sites)).toEqual(['directsponsor', 'roflfaucet', 'clickforcharity']);
    expect(events.filter(({ event }) => event === 'absorbed').map(({ site }) => site)).toHaveLength(3);
    stop('person');
    expect(await code).toBe(0);
    // Stopped in good order, and heard to the end.
    expect(said.filter((line) => line.includes('"stopped"'))).toHaveLength(3);
  });

  it('as text welcomes when all are ready', async () => {
    const { said, stop, code } = running(false);
    await expect.poll(() => said.join('')).toContain('Try it, in another terminal');
    stop('person');
    expect(await code).toBe(0);
  });

  it('ends with 1 when its time is up before all are ready', async () => {
    const { stop, code } = running(true, 'await new Promise(() => { setInterval(() => {}, 1000); });');
    stop('time');
    expect(await code).toBe(1);
  });

  it('refuses a second one in the same folder, and gives the folder back', async () => {
    const { stop, code, said } = running(true);
    await expect.poll(() => said.length).toBeGreaterThan(0);
    expect(() => claim(join(dir, 'demo'))).toThrow(UsageError);
    expect(() => claim(join(dir, 'demo'))).toThrow(/already running/);
    stop('person');
    await code;
    claim(join(dir, 'demo'))();
  });

  it('takes over what a killed one left', () => {
    // No process can have this id.
    writeFileSync(join(dir, 'demo.pid'), '2147483647\n');
    claim(dir)();
    writeFileSync(join(dir, 'demo.pid'), '');
    claim(dir)();
  });
});

describe('a daemon of the demo', () => {
  function daemon(body: string, stop_ms_max?: number) {
    const remarks: string[] = [];
    const pids: number[] = [];
    const started = new Daemon({
      site: 'roflfaucet',
      command: [process.execPath, fakeDaemon(body)],
      onEvent: ({ raw }) => {
        if (typeof raw.pid === 'number') pids.push(raw.pid);
      },
      onRemark: (text) => remarks.push(text),
      ...(stop_ms_max === undefined ? {} : { stop_ms_max }),
    });
    return { started, remarks, pids };
  }

  it('is started again when it dies', async () => {
    const { started, remarks, pids } = daemon('');
    await expect.poll(() => pids.length).toBe(1);
    process.kill(pids[0] ?? 0, 'SIGKILL');
    await expect.poll(() => pids.length, { timeout: 5000 }).toBe(2);
    expect(remarks[0]).toMatch(/^roflfaucet's daemon ended \(SIGKILL\); starting it again in 0\.\d s$/);
    await started.stop();
  });

  it('has its last words passed on', async () => {
    const { started, remarks } = daemon("console.error('disk full'); process.exit(3);");
    await expect.poll(() => remarks[0]).toContain('(exit code 3)');
    expect(remarks[0]).toContain('\n          disk full');
    await started.stop();
  });

  it('is killed when it does not stop', async () => {
    const { started, pids } = daemon("process.removeAllListeners('SIGTERM').on('SIGTERM', () => {});", 100);
    await started.ready;
    await started.stop();
    await expect.poll(() => isAlive(pids[0] ?? 0)).toBe(false);
  });

  it('that cannot be started at all is reported, not thrown', async () => {
    const remarks: string[] = [];
    const command = [join(dir, 'no-such-program')] as const;
    const started = new Daemon({ site: 'x', command, onEvent() {}, onRemark: (text) => remarks.push(text) });
    await expect.poll(() => remarks[0]).toContain('ENOENT');
    await started.stop();
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
