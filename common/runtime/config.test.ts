import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mergePolicies } from '../core/policy.js';
import { ConfigError, loadConfig, loadHubConfig, loadSpokeConfig, parseHubConfig, parseSpokeConfig } from './config.js';
import { HubSchema } from './config-schema.js';

const HUB = 'site: directsponsor\nuserdata: /data\nspokes:\n  - site: rf\n    link: { type: pull }\n';
const SPOKE = 'site: rf\nuserdata: /data\nhub: { site: ds, link: { type: folder, inbox: /peer/inbox/rf } }\n';

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('expected a ConfigError');
}

const hubProblems = (text: string) => problemsOf(() => parseHubConfig(text, 'hub.yaml'));
const spokeProblems = (text: string) => problemsOf(() => parseSpokeConfig(text, 'spoke.yaml'));

describe('what is left out', () => {
  it('is filled in with defaults', () => {
    expect(parseHubConfig(HUB, 'hub.yaml')).toEqual({
      site: 'directsponsor',
      userdata: '/data',
      state: '/var/lib/axle/directsponsor',
      log_level: 'info',
      spokes: [{ site: 'rf', link: { type: 'pull' } }],
      kinds: {},
      join: 'hold',
      max_clock_skew_s: 60,
      rights_idle_s: 60,
      scan_interval_s: 300,
      verify_interval_s: 600,
      guards: { zero: true, burst_documents: 50, burst_percent: 10, window_s: 60 },
      limits: { max_file_bytes: 1048576, batch_documents: 2000, batch_bytes: 4194304 },
    });
  });

  it('is filled in inside links too', () => {
    const config = parseSpokeConfig('site: rf\nuserdata: /d\nhub: { site: ds, link: { type: ssh, host: h } }', 'f');
    expect(config.hub.link).toEqual({ type: 'ssh', host: 'h', port: 22, user: 'axle', module: 'inbox', timeout_s: 30 });
  });

  it('is filled in inside a page, which stays off without its section', () => {
    const { page } = parseHubConfig(`${HUB}page: {}\n`, 'hub.yaml');
    expect(page).toEqual({ port: 8400, host: '127.0.0.1', allow_remote: false });
    expect(parseHubConfig(HUB, 'hub.yaml').page).toBeUndefined();
  });

  it('is never shared between two configs', () => {
    const first = parseHubConfig(HUB, 'a');
    first.kinds.balances = { delete: 'wins' };
    expect(parseHubConfig(HUB, 'b').kinds).toEqual({});
  });
});

describe('each mistake is told with its line, address and found value', () => {
  it.each([
    ['a port', 'link: { type: ssh, host: h, port: -1 }', 'spokes[0].link.port: must be 1–65535 (got -1)'],
    ['a fraction', 'link: { type: ssh, host: h, port: 2.5 }', 'spokes[0].link.port: must be 1–65535 (got 2.5)'],
    [
      'an option as host',
      'link: { type: ssh, host: -oX }',
      'spokes[0].link.host: must be a host name or address (got "-oX")',
    ],
    ['a missing host', 'link: { type: ssh }', 'spokes[0].link.host: is missing'],
    [
      'a relative path',
      'link: { type: folder, inbox: in }',
      'spokes[0].link.inbox: must be an absolute path (got "in")',
    ],
    [
      'a type that objects have anyway',
      'link: { type: __proto__ }',
      'spokes[0].link.type: must be one of ssh, folder, pull (got "__proto__")',
    ],
    ['an unknown type', 'link: { type: ftp }', 'spokes[0].link.type: must be one of ssh, folder, pull (got "ftp")'],
  ])('%s', (_name, link, problem) => {
    expect(hubProblems(HUB.replace('link: { type: pull }', link))).toEqual([`hub.yaml:5: ${problem}`]);
  });

  it.each([
    ['an unknown key', 'jion: hub', 'jion: is not a known key (known here: site, userdata,'],
    ['a rule', 'join: oldest', 'join: must be one of hold, genesis, hub, local, newest, max (got "oldest")'],
    ['an unquoted mode', 'files: { mode: 0664 }', 'files.mode: must be a mode in quotes, such as "0664" (got 664)'],
    ['a path policy', 'kinds: { balances: { paths: { "stats.*": sum } } }', 'kinds.balances.paths["stats.*"]: must be'],
    ['a kind that is no folder', 'kinds: { ../etc: {} }', 'kinds["../etc"]: must be a folder below userdata'],
    ['state inside userdata', 'state: /data/x/../axle', 'state: must not lie inside userdata (got "/data/x/../axle")'],
    ['the same key twice', 'site: again', 'Map keys must be unique'],
  ])('%s', (_name, line, problem) => {
    const problems = hubProblems(`${HUB}${line}\n`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`hub.yaml:6: ${problem}`);
  });

  it('all at once, also where they are of different sorts', () => {
    const text =
      'site: DS\nuserdata: data\nspokes:\n  - { site: rf, link: { type: pull } }\n  - { site: rf, link: 5 }\n';
    expect(hubProblems(text)).toEqual([
      'hub.yaml:1: site: must be a site name: a-z, 0-9 and -, at most 63 characters (got "DS")',
      'hub.yaml:2: userdata: must be an absolute path (got "data")',
      'hub.yaml:5: spokes[1].site: must be named once (spokes[0] is "rf" too)',
      'hub.yaml:5: spokes[1].link: must be a group of keys (got 5)',
    ]);
  });

  it.each([
    ['page: { host: 0.0.0.0 }', 'page.host: must be of this machine, or set allow_remote: true (got "0.0.0.0")'],
    ['page: { allow_remote: true }', 'page.password: is missing: allow_remote needs a file with a password'],
    [
      'sidecar: { host: 10.0.0.1 }',
      'sidecar.host: must be of this machine, or set allow_remote: true (got "10.0.0.1")',
    ],
  ])('a door that is open to others: %s', (line, problem) => {
    expect(hubProblems(`${HUB}${line}\n`)).toEqual([`hub.yaml:6: ${problem}`]);
  });

  it('an empty file', () => {
    expect(hubProblems('')).toEqual(['site', 'userdata', 'spokes'].map((key) => `hub.yaml: ${key}: is missing`));
  });

  it('text that is no YAML', () => {
    expect(hubProblems('site: [')[0]).toMatch(/^hub\.yaml:1: Flow sequence/);
  });

  it.each([
    ['an alias without its anchor', 'join: *rule'],
    ['an alias inside of what it stands for', 'kinds: &a [*a]'],
  ])('%s', (_name, line) => {
    expect(hubProblems(`${HUB}${line}\n`)).toEqual([expect.stringContaining('hub.yaml: an alias cannot be resolved')]);
  });

  it('a site that is its own peer', () => {
    expect(hubProblems(HUB.replace('site: rf', 'site: directsponsor'))).toEqual([
      'hub.yaml:4: spokes[0].site: must not be this hub itself (got "directsponsor")',
    ]);
    expect(spokeProblems(SPOKE.replace('site: ds', 'site: rf'))).toEqual([
      'spoke.yaml:3: hub.site: must not be this spoke itself (got "rf")',
    ]);
  });

  it('a spoke that pulls from a folder', () => {
    expect(spokeProblems(SPOKE.replace('hub: {', 'hub: { pull: {},'))).toEqual([
      'spoke.yaml:3: hub.pull: needs an ssh link to fetch over (this one is a folder)',
    ]);
  });
});

describe('on disk', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'axle-config-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  function write(userdata: string, state = join(dir, 'state')): string {
    const file = join(dir, 'spoke.yaml');
    writeFileSync(file, SPOKE.replace('/data', `${userdata}\nstate: ${state}`));
    return file;
  }

  it('userdata must be a real directory', () => {
    const real = join(dir, 'userdata');
    expect(problemsOf(() => loadSpokeConfig(write(real)))[0]).toContain('spoke.yaml:2: userdata: must exist');
    mkdirSync(real);
    expect(loadSpokeConfig(write(real)).userdata).toBe(real);
    symlinkSync(real, join(dir, 'link'));
    expect(problemsOf(() => loadSpokeConfig(write(join(dir, 'link'))))[0]).toContain('not a symbolic link');
    writeFileSync(join(dir, 'file'), '');
    expect(problemsOf(() => loadSpokeConfig(write(join(dir, 'file'))))[0]).toContain('must be a directory');
  });

  it('state may not reach into userdata through a symbolic link', () => {
    const real = join(dir, 'userdata');
    mkdirSync(real);
    symlinkSync(real, join(dir, 'sneaky'));
    expect(problemsOf(() => loadSpokeConfig(write(real, join(dir, 'sneaky/axle'))))[0]).toContain(
      'state: must not lie inside userdata',
    );
  });

  it('a file of either role is recognised by its spokes or its hub', () => {
    const real = join(dir, 'userdata');
    mkdirSync(real);
    expect(loadConfig(write(real)).role).toBe('spoke');
    const neither = join(dir, 'neither.yaml');
    writeFileSync(neither, 'site: a\n');
    expect(problemsOf(() => loadConfig(neither))[0]).toContain('must have either spokes');
  });

  it('a file that is not there is a ConfigError', () => {
    expect(problemsOf(() => loadHubConfig(join(dir, 'none.yaml')))[0]).toContain('cannot be read');
  });

  it.skipIf(process.getuid?.() !== 0)('a file that this account may not read: the remedy is said', () => {
    const file = join(dir, 'closed.yaml');
    writeFileSync(file, 'site: a\n', { mode: 0o600 });
    chmodSync(dir, 0o755);
    process.seteuid?.(65_534);
    try {
      expect(problemsOf(() => loadHubConfig(file))).toEqual([expect.stringMatching(/cannot be read: .* Use sudo/)]);
    } finally {
      process.seteuid?.(0);
    }
  });
});

describe('the documented examples', () => {
  const read = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), 'utf8');

  it('hub.example.yaml is a valid config, and its kinds fit the policies', () => {
    const config = parseHubConfig(read('hub.example.yaml'), 'hub.example.yaml');
    expect(config.spokes.map((spoke) => spoke.link.type)).toEqual(['ssh', 'folder', 'pull']);
    expect(mergePolicies({}, config.kinds).balances?.paths.balance).toBe('counter');
  });

  it('hub.example.yaml shows every key of the schema, and shows the true defaults', () => {
    const shown = parseHubConfig(read('hub.example.yaml'), 'hub.example.yaml');
    expect(Object.keys(shown).sort()).toEqual(Object.keys(HubSchema.properties).sort());
    const bare = parseHubConfig(HUB, 'hub.yaml');
    for (const key of [
      'state',
      'log_level',
      'join',
      'max_clock_skew_s',
      'scan_interval_s',
      'verify_interval_s',
      'guards',
      'limits',
    ] as const) {
      expect(shown[key], key).toEqual(bare[key]);
    }
  });

  it('spoke.example.yaml is a valid config', () => {
    const config = parseSpokeConfig(read('spoke.example.yaml'), 'spoke.example.yaml');
    expect(config.hub.pull).toEqual({ interval_ms: 1000, module: 'outbox' });
  });
});
