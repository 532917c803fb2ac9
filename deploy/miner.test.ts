import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ConfigError } from '../common/runtime/config.js';
import { type Facts, parseFacts } from './facts.js';
import { type Inventory, parseInventory, sitesOf } from './inventory.js';
import { minerText } from './miner.js';
import { MINER, placesOf } from './places.js';
import { type Change, type HostPlan, makePlan } from './plan.js';
import type { Tree } from './release/tree.js';

const inventoryWith = (home: string): Inventory =>
  parseInventory(
    `
hub: { site: hub, host: hub.example }
spokes:
  - { site: home, host: 192.168.1.2, link: pull, ${home} }
`,
    'i.yaml',
    '/root',
  );

const problemsOf = (home: string): readonly string[] => {
  try {
    inventoryWith(home);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

const TREE: Tree = {
  manifest: { version: '1.2.0', checksum: 'c12', platform: 'linux', arch: 'x64', node: '20.20.2', schema: 3 },
  files: ['hub-distribute', 'sync-to-hub', 'axle-miner'].map((name) => ({
    path: `systemd/${name}.service`,
    text: `# ${name}\n`,
    mode: 0o644 as const,
  })),
};

const KEY = Buffer.from('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9x root@x').toString('base64');
const BARE = parseFacts(
  `axle-facts\nuid 0\nmachine x86_64\nsystemd 252\nfree 9999999\nuser yes\ngroup yes\nhostkey ${KEY}\npublic ${KEY}\n`,
);

/** Carries out what a plan has for a host, as far as a plan can see. */
function carriedOut(plan: HostPlan, facts: Facts): Facts {
  const folders = new Map(facts.folders);
  const files = new Map(facts.files);
  let next: Facts = { ...facts, folders, files, account: 'good' };
  const up = { ...facts.unit, active: 'active', enabled: 'enabled' };
  for (const change of plan.changes) {
    if (change.do === 'folders') for (const path of change.paths) folders.set(path, `${change.owner}:${change.mode}`);
    if (change.do === 'file')
      files.set(change.path, { attributes: `${change.owner}:${change.mode}`, content: change.content ?? '' });
    if (change.do === 'release') next = { ...next, releases: [TREE.manifest] };
    if (change.do === 'current') next = { ...next, current: '1.2.0', hasCommand: true };
    if (change.do === 'token') next = { ...next, miner: { ...next.miner, tokenIsKnown: true } };
    if (change.do === 'remove-miner') files.delete(MINER.config);
    if (change.do === 'start' && change.what === 'site') next = { ...next, unit: up, applied: plan.fingerprint };
    if (change.do === 'start' && change.what === 'miner')
      next = { ...next, miner: { ...next.miner, unit: up, applied: plan.minerFingerprint ?? '' } };
  }
  return next;
}

const plansFor = (inventory: Inventory, home: Facts, tree = TREE): readonly HostPlan[] =>
  makePlan(inventory, tree, new Map(sitesOf(inventory).map(({ site }) => [site, site === 'home' ? home : BARE])));
const planFor = (inventory: Inventory, home: Facts, tree = TREE): HostPlan =>
  plansFor(inventory, home, tree)[1] as HostPlan;
const doings = ({ changes }: HostPlan): string[] =>
  changes.map((change: Change) =>
    change.do === 'start' ? change.what : change.do === 'file' ? change.path : change.do,
  );

const WITH = inventoryWith(
  'sidecar: true, miner: { networks: [192.168.1.0/24], credit: { rate: { per_difficulty: 1 } } }',
);
const WITHOUT = inventoryWith('sidecar: true');
const done = carriedOut(planFor(WITH, BARE), BARE);

describe('a site with miners', () => {
  it('has all of it after what is the site’s own: token, config, unit, and a start', () => {
    const all = doings(planFor(WITH, BARE));
    expect(all.slice(all.indexOf('site'))).toEqual([
      'site',
      'token',
      MINER.config,
      MINER.unitFile,
      MINER.dropIn,
      'miner',
    ]);
    expect(planFor(WITH, BARE).changes).toContainEqual(
      expect.objectContaining({ path: MINER.config, owner: 'root:axle', mode: '640', check: 'config' }),
    );
    expect(planFor(WITH, BARE).changes.flatMap((change) => (change.do === 'folders' ? change.paths : []))).toContain(
      MINER.state,
    );
  });

  it('has nothing more to do once that is done', () => {
    expect(planFor(WITH, done).changes).toEqual([]);
  });

  it('tells the agent where the sidecar of its site is, and keeps what a person says', () => {
    const textOf = (home: string) => parse(minerText(inventoryWith(home).spokes[0] as never) ?? '') as unknown;
    const credit = { sidecar: { socket: '/run/axle/home/sidecar.sock' }, token_file: MINER.token };
    expect(textOf('sidecar: true, miner: { credit: {} }')).toEqual({ state: MINER.state, credit });
    expect(
      textOf('sidecar: { socket: /run/s.sock }, miner: { credit: { period_s: 60 }, networks: [10.0.0.0/24] }'),
    ).toEqual({
      state: MINER.state,
      networks: ['10.0.0.0/24'],
      credit: { ...credit, sidecar: { socket: '/run/s.sock' }, period_s: 60 },
    });
  });

  it('without a word about credits counts shares, needs no sidecar and gets no token', () => {
    for (const home of ['miner: true', 'miner: {}']) {
      expect(doings(planFor(inventoryWith(home), BARE))).not.toContain('token');
      expect(parse(minerText(inventoryWith(home).spokes[0] as never) ?? '')).toEqual({ state: MINER.state });
    }
  });

  it('makes no token for a sidecar that a person has named', () => {
    const inventory = inventoryWith('miner: { credit: { sidecar: { url: "https://x" }, token_file: /etc/axle/t } }');
    expect(doings(planFor(inventory, BARE))).not.toContain('token');
    expect(minerText(inventory.spokes[0] as never)).toContain('url: https://x');
  });

  it('makes another token where that one is not known any more, and restarts the agent with it', () => {
    const lost = { ...done, miner: { ...done.miner, tokenIsKnown: false } };
    expect(doings(planFor(WITH, lost))).toEqual(['token', 'miner']);
  });

  it('restarts the agent alone for what is the agent’s alone, and both for a newer version', () => {
    const other = inventoryWith(
      'sidecar: true, miner: { networks: [192.168.2.0/24], credit: { rate: { per_difficulty: 1 } } }',
    );
    expect(doings(planFor(other, done))).toEqual([MINER.config, 'miner']);
    const newer = { ...TREE, manifest: { ...TREE.manifest, version: '1.3.0', checksum: 'c13' } };
    expect(doings(planFor(WITH, done, newer))).toEqual(['release', 'current', 'site', 'miner']);
  });

  it('that has them no longer is rid of the agent; one that was never deployed is left alone', () => {
    expect(doings(planFor(WITHOUT, done))).toEqual(['remove-miner']);
    const files = new Map(done.files).set(MINER.config, { attributes: 'root:axle:640', content: 'networks: []\n' });
    expect(planFor(WITHOUT, { ...done, files }).changes).toEqual([]);
  });

  it.each([
    ['miner: { credit: { rate: {} } }', 'spokes[0].miner.credit: needs sidecar: true at this site'],
    ['miner: 3', 'spokes[0].miner: must be true, false or a group of keys (got 3)'],
    ['sidecar: true, miner: { state: /x }', 'spokes[0].miner.state: is made from the rest of the inventory'],
    ['sidecar: true, miner: { credit: 5 }', 'spokes[0].miner.credit: must be a group of keys'],
    ['miner: { relay: 5 }', 'spokes[0].miner.relay: must be a group of keys'],
    ['miner: { relay: { hub: true } }', 'spokes[0].miner.relay.hub: must be a group of keys'],
    ['miner: { relay: { hub: { userdata: /x } } }', 'spokes[0].miner.relay.hub.userdata: is made from the rest'],
  ])('with %s is refused', (home, problem) => {
    expect(problemsOf(home).join('\n')).toContain(problem);
  });
});

describe('a site whose fleet goes through the hub', () => {
  const RELAYS = inventoryWith('miner: { relay: { hub: { interval_s: 300 }, addresses: true } }');
  const [hub, home] = plansFor(RELAYS, BARE) as [HostPlan, HostPlan];
  const textOf = ({ changes }: HostPlan, path: string): string =>
    changes.flatMap((change) => (change.do === 'file' && change.path === path ? [change.content ?? ''] : []))[0] ?? '';
  const folderOf = ({ changes }: HostPlan, path: string): string[] =>
    changes.flatMap((change) =>
      change.do === 'folders' && change.paths.includes(path) ? [`${change.owner}:${change.mode}`] : [],
    );
  const FLEETS = '/var/home-data/userdata/fleet';

  it('has the kind there and at the hub, beside those that a person names, and nowhere else', () => {
    for (const plan of [hub, home])
      expect(parse(textOf(plan, placesOf(plan.entry).config))).toMatchObject({ kinds: { fleet: {} } });
    const text = `
config: { kinds: { notes: { format: text }, fleet: { delete: restore } } }
hub: { site: hub, host: h }
spokes: [{ site: home, host: i, miner: { relay: { hub: {} } } }, { site: other, host: j, miner: true, config: { kinds: {} } }]
`;
    const { hub: h, spokes } = parseInventory(text, 'i.yaml', '/root');
    expect([h, ...spokes].map(({ config }) => config.kinds)).toEqual([
      { fleet: { delete: 'restore' }, notes: { format: 'text' } },
      { fleet: { delete: 'restore' }, notes: { format: 'text' } },
      {},
    ]);
  });

  it('lets the agent write in that folder, and in no other of the site', () => {
    expect(parse(textOf(home, MINER.config))).toEqual({
      state: MINER.state,
      relay: { hub: { userdata: '/var/home-data/userdata', name: 'home', interval_s: 300 }, addresses: true },
    });
    expect(textOf(home, MINER.dropIn)).toContain(`\nReadWritePaths=-${FLEETS}\n`);
    expect(folderOf(home, FLEETS)).toEqual(['axle:www-data:2775']);
    expect(folderOf(hub, '/var/hub-data/userdata/fleet')).toEqual(['www-data:www-data:755']);
    const ours = planFor(inventoryWith('keep_owner: false, miner: { relay: { hub: {} } }'), BARE);
    expect(folderOf(ours, FLEETS)).toEqual(['www-data:www-data:2775']);
    expect(ours.changes).toContainEqual(
      expect.objectContaining({ do: 'share', paths: expect.arrayContaining([FLEETS]) }),
    );
  });

  it('has nothing more to do once that is done, and mends the folder where somebody made it another’s', () => {
    const well = carriedOut(home, BARE);
    expect(planFor(RELAYS, well).changes).toEqual([]);
    const folders = new Map(well.folders).set(FLEETS, 'www-data:www-data:755');
    expect(doings(planFor(RELAYS, { ...well, folders }))).toEqual(['folders']);
    folders.delete(FLEETS);
    expect(doings(planFor(RELAYS, { ...well, folders }))).toEqual(['folders', 'miner']);
  });

  it('is closed to the agent again where it does not publish there any more; what was published stays', () => {
    const without = planFor(inventoryWith('miner: true'), carriedOut(home, BARE));
    expect(doings(without)).toEqual([placesOf(home.entry).config, 'site', MINER.config, MINER.dropIn, 'miner']);
    expect(textOf(without, MINER.dropIn)).not.toContain('ReadWritePaths');
  });
});
