import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseHubConfig, parseSpokeConfig } from '../common/runtime/config.js';
import { authorizedKeysText, knownHostsText, siteTexts } from './desired.js';
import { type Facts, type FileFact, factsScript, parseFacts } from './facts.js';
import { parseInventory, type SiteEntry, sitesOf } from './inventory.js';
import { placesOf } from './places.js';
import { type Change, type HostPlan, makePlan } from './plan.js';
import type { Tree } from './release/tree.js';
import { planRollback } from './rollback.js';

const INVENTORY = parseInventory(
  `
hub: { site: hub, host: hub.example, port: 2222, owner: "apache:apache", sidecar: true }
spokes:
  - { site: one, host: one.example, link_host: 10.0.0.2 }
  - { site: home, host: 192.168.1.2, link: pull }
`,
  'i.yaml',
  '/root',
);
const [HUB, ONE, HOME] = sitesOf(INVENTORY) as [SiteEntry, SiteEntry, SiteEntry];

const text = (content: string) => ({ text: content, mode: 0o644 as const });
const TREE: Tree = {
  manifest: {
    version: '1.2.0',
    checksum: 'c12',
    platform: 'linux',
    arch: 'x64',
    node: '20.20.2',
    schema: 3,
  },
  files: ['hub-distribute.service', 'sync-to-hub.service', 'restart-steps.conf'].map((name) => ({
    path: `systemd/${name}`,
    ...text(`# ${name}\n`),
  })),
};

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9x';

/** A bare host. */
const BARE = parseFacts(`Welcome to this host!
axle-facts
os debian 12
uid 0
machine x86_64
systemd 252
rsync 3.2.7
free 9999999
user yes
group yes
hostkey ${Buffer.from(`${KEY} root@x`).toString('base64')}
unit ActiveState=inactive
unit SubState=dead
unit NRestarts=0
`);

/** Carries a plan out on a value, as far as a plan can see. */
function after(plan: HostPlan, facts: Facts): Facts {
  const folders = new Map(facts.folders);
  const files = new Map<string, FileFact>(facts.files);
  let next: Facts = { ...facts, folders, files };
  for (const change of plan.changes) {
    if (change.do === 'folders') for (const path of change.paths) folders.set(path, `${change.owner}:${change.mode}`);
    if (change.do === 'file' && change.content !== undefined)
      files.set(change.path, { attributes: `${change.owner}:${change.mode}`, content: change.content });
    if (change.do === 'release') next = { ...next, releases: [...next.releases, TREE.manifest] };
    if (change.do === 'account') next = { ...next, account: 'good' };
    if (change.do === 'key') next = { ...next, publicKey: `${KEY} ${plan.entry.site}` };
    if (change.do === 'current') next = { ...next, current: TREE.manifest.version, hasCommand: true };
    if (change.do === 'start') {
      const unit = { ...next.unit, active: 'active', enabled: 'enabled' };
      next = { ...next, unit, applied: plan.fingerprint };
    }
  }
  return next;
}

const all = (facts: Facts): Map<string, Facts> => new Map(sitesOf(INVENTORY).map(({ site }) => [site, facts]));

/** What is so once all is done. */
function done(): Map<string, Facts> {
  let facts = all(BARE);
  // The first round makes the keys that the second lets in.
  for (let round = 0; round < 2; round += 1) {
    const plan = makePlan(INVENTORY, TREE, facts);
    facts = new Map(plan.map((host) => [host.entry.site, after(host, facts.get(host.entry.site) as Facts)]));
  }
  return facts;
}

const doings = (plan: HostPlan | undefined): Change['do'][] => (plan?.changes ?? []).map((change) => change.do);

describe('facts', () => {
  it('are read behind whatever a login shell says first', () => {
    expect(BARE).toMatchObject({
      os: 'debian 12',
      isRoot: true,
      systemd: 252,
      rsync: '3.2.7',
      account: 'missing',
      hostKeys: [KEY],
      unit: { active: 'inactive', sub: 'dead' },
    });
    expect(BARE).not.toHaveProperty('current');
  });

  it('are asked for by a script that any POSIX shell understands, and that changes nothing', () => {
    const { script, args } = factsScript(placesOf(ONE));
    const { status, stdout } = spawnSync('sh', ['-c', script, 'sh', ...args], { encoding: 'utf8' });
    expect(status).toBe(0);
    const facts = parseFacts(stdout);
    expect(facts.machine).not.toBe('unknown');
    expect(facts.freeKiB).toBeGreaterThan(0);
  });

  it('know a key by its private half', () => {
    const folder = mkdtempSync(join(tmpdir(), 'axle-facts-'));
    try {
      const { script, args } = factsScript({ ...placesOf(ONE), key: join(folder, 'key') });
      const publicKey = () =>
        parseFacts(spawnSync('sh', ['-c', script, 'sh', ...args], { encoding: 'utf8' }).stdout).publicKey;
      writeFileSync(join(folder, 'key.pub'), `${KEY} one\n`);
      expect(publicKey()).toBeUndefined();
      writeFileSync(join(folder, 'key'), '');
      expect(publicKey()).toBe(`${KEY} one`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('leave out a release that was half written', () => {
    const broken = Buffer.from('{"version":').toString('base64');
    expect(parseFacts(`axle-facts\nrelease ${broken}\n`).releases).toEqual([]);
  });
});

describe('a plan', () => {
  it('for bare hosts has everything, in the order in which it is needed', () => {
    const [hub] = makePlan(INVENTORY, TREE, all(BARE));
    expect(hub?.problems).toEqual([]);
    const order = ['release', 'account', 'folders', 'folders', 'folders', 'folders', 'key'];
    expect(doings(hub)).toEqual([...order, 'file', 'file', 'file', 'file', 'file', 'current', 'start']);
  });

  it('is empty once it was carried out', () => {
    for (const { changes } of makePlan(INVENTORY, TREE, done())) expect(changes).toEqual([]);
  });

  it('for a newer version brings, switches and restarts it', () => {
    const newer: Tree = { ...TREE, manifest: { ...TREE.manifest, version: '1.3.0', checksum: 'c13' } };
    for (const plan of makePlan(INVENTORY, newer, done())) {
      expect(doings(plan)).toEqual(['release', 'current', 'start']);
      expect(plan.changes[1]?.text).toBe('version 1.2.0 → 1.3.0');
    }
  });

  it('for a further site lets it in at the hub, and leaves the other sites alone', () => {
    const facts = done();
    const spokes = [...INVENTORY.spokes, { ...ONE, site: 'four', host: 'four.example', linkHost: 'four.example' }];
    const plans = makePlan({ ...INVENTORY, spokes }, TREE, facts.set('four', BARE));
    expect(doings(plans[0])).toEqual(['file', 'file', 'file', 'start']);
    expect(doings(plans[1])).toEqual([]);
    expect(doings(plans[3])[0]).toBe('release');
  });

  it('puts back what somebody changed by hand, and restarts', () => {
    const facts = done();
    const { config } = placesOf(ONE);
    const one = facts.get('one') as Facts;
    const files = new Map(one.files).set(config, { attributes: 'root:axle:640', content: 'site: two\n' });
    const plan = makePlan(INVENTORY, TREE, facts.set('one', { ...one, files }))[1];
    expect(plan?.changes.map((change) => change.text)).toEqual([config, 'restart one, and wait until it is ready']);
  });

  it('makes a key that is gone, and restarts; who lets it in goes on', () => {
    const facts = done();
    const { publicKey: _, ...one } = facts.get('one') as Facts;
    expect(makePlan(INVENTORY, TREE, facts.set('one', one)).map(doings)).toEqual([['file'], ['key', 'start'], []]);
  });

  it('restarts where what is in force is not known: a deploy was interrupted', () => {
    const facts = done();
    const plan = makePlan(INVENTORY, TREE, facts.set('one', { ...(facts.get('one') as Facts), applied: 'other' }))[1];
    expect(doings(plan)).toEqual(['start']);
  });

  it.each<[string, Partial<Facts>, string]>([
    ['another processor', { machine: 'aarch64' }, 'it is Linux on aarch64'],
    ['no systemd', { systemd: 0 }, 'systemd is not running'],
    ['no root', { isRoot: false }, 'Set become: sudo'],
    ['no rsync', { missing: ['rsync'] }, 'apt-get install rsync'],
    ['no ssh client', { missing: ['ssh', 'ssh-keygen'] }, 'apt-get install openssh-client'],
    ['an old rsync', { rsync: '3.1.3' }, 'needs 3.2.4 or newer'],
    ['no account for the files', { owner: { user: false, group: true } }, 'no account apache'],
    ['a state of a newer version', { schema: 4 }, 'schema 4, and 1.2.0 reads up to 3'],
    [
      'another build of this version',
      { current: '1.2.0', releases: [{ ...TREE.manifest, checksum: 'other' }] },
      'another build of 1.2.0',
    ],
    ['a full disk', { freeKiB: 1000 }, 'are free in /opt'],
  ])('says what is wrong: %s', (_name, facts, problem) => {
    const [hub] = makePlan(INVENTORY, TREE, all(BARE).set('hub', { ...BARE, ...facts }));
    expect(hub?.problems.join('\n')).toContain(problem);
  });

  it('refuses a host on which a unit of the same name runs something else', () => {
    const { unitFile } = placesOf(HUB);
    const unit = { ...BARE.unit, active: 'active' };
    const problems = (content: string, active = 'active'): readonly string[] => {
      const files = new Map([[unitFile, { attributes: 'root:root:644', content }]]);
      const [hub] = makePlan(INVENTORY, TREE, all({ ...BARE, files, unit: { ...unit, active } }));
      return hub?.problems ?? [];
    };
    const shell = '[Service]\nExecStart=/home/sync/hub-distribute.sh\n';
    expect(problems(shell)).toEqual([
      expect.stringMatching(/not Axle's.*systemctl disable --now hub-distribute.service/),
    ]);
    expect(problems(shell, 'inactive')).toEqual([]);
    expect(problems('[Service]\nExecStart=/opt/axle/current/bin/axle hub\n')).toEqual([]);
  });
});

describe('a site whose daemon has no capability', () => {
  const spokes = INVENTORY.spokes.map((spoke) => (spoke.site === 'one' ? { ...spoke, keepsOwner: false } : spoke));
  const inventory = { ...INVENTORY, spokes };
  const of = (facts: Facts): HostPlan => makePlan(inventory, TREE, done().set('one', facts))[1] as HostPlan;
  const one = { ...(done().get('one') as Facts), hasAcl: true };

  it('gets an ACL, its config says so, and its drop-in gives nothing', () => {
    expect(doings(of(one))).toEqual(['share', 'file', 'file', 'start']);
    const { config, dropIn } = siteTexts(inventory, inventory.spokes[0] as SiteEntry);
    expect(config).toContain('keep_owner: false');
    expect(dropIn).not.toContain('CapabilityBoundingSet=');
    expect(siteTexts(INVENTORY, ONE).config).not.toContain('keep_owner');
  });

  it('has nothing more to do once all its folders have it', () => {
    const { userdata, kinds } = placesOf(ONE);
    const shared = after(of(one), { ...one, shared: new Set([userdata, ...kinds]) });
    expect(of(shared).changes).toEqual([]);
    expect(doings(of({ ...shared, shared: new Set(kinds) }))).toEqual(['share']);
  });

  it('cannot be where there are no tools for it', () => {
    expect(of({ ...one, hasAcl: false }).problems).toEqual([expect.stringContaining('apt-get install acl')]);
  });
});

describe('what hosts hold', () => {
  const facts = done();

  it("is a config that the daemon's loader takes, with the peers' addresses and pinned keys", () => {
    const hub = parseHubConfig(siteTexts(INVENTORY, HUB).config, 'hub.yaml');
    expect(hub).toMatchObject({ files: { owner: 'apache' }, sidecar: { port: 8787 } });
    expect(hub.spokes).toMatchObject([
      { site: 'one', link: { host: '10.0.0.2', port: 22, key: '/var/lib/axle/hub/ssh/id_ed25519' } },
      { site: 'home', link: { type: 'pull' } },
    ]);
    const home = parseSpokeConfig(siteTexts(INVENTORY, HOME).config, 'spoke.yaml');
    expect(home.hub).toMatchObject({
      site: 'hub',
      link: { host: 'hub.example', port: 2222 },
      pull: { module: 'outbox' },
    });
  });

  it('lets each peer in for its own forced command and nothing else', () => {
    expect(authorizedKeysText(INVENTORY, HUB, facts)?.split('\n').slice(1, -1)).toEqual([
      `restrict,command="rsync --server --daemon --config=/var/lib/axle/hub/rsyncd/one.conf ." ${KEY} axle-one`,
      `restrict,command="rsync --server --daemon --config=/var/lib/axle/hub/rsyncd/home.conf ." ${KEY} axle-home`,
    ]);
    expect(authorizedKeysText(INVENTORY, HOME, facts)?.split('\n').slice(1, -1)).toEqual([]);
  });

  it('knows the keys of those hosts that it connects to', () => {
    expect(knownHostsText(INVENTORY, HUB, facts)?.split('\n').slice(1, -1)).toEqual([`10.0.0.2 ${KEY}`]);
    expect(knownHostsText(INVENTORY, ONE, facts)?.split('\n').slice(1, -1)).toEqual([`[hub.example]:2222 ${KEY}`]);
  });

  it('a config that would be wrong is refused before anything is done', () => {
    const wrong = { ...INVENTORY, hub: { ...HUB, config: { join: 'perhaps' } } };
    expect(() => makePlan(wrong, TREE, facts)).toThrow(/hub: its config would be wrong:\n {2}join: must be one of/);
  });
});

describe('a rollback', () => {
  const old = { ...TREE.manifest, version: '1.1.0', checksum: 'c11' };
  const upgraded = (more: Partial<Facts> = {}): Map<string, Facts> =>
    new Map(
      [...done()].map(([site, facts]) => [
        site,
        { ...facts, previous: '1.1.0', releases: [...facts.releases, old], ...more },
      ]),
    );

  it('goes to the version before, on all hosts that are not there yet', () => {
    const facts = upgraded();
    facts.set('one', { ...(facts.get('one') as Facts), current: '1.1.0' });
    const { version, hosts } = planRollback(INVENTORY, facts);
    expect([version, hosts.map(({ site }) => site)]).toEqual(['1.1.0', ['hub', 'home']]);
  });

  it('is refused where the state is of a newer schema', () => {
    const facts = upgraded({ schema: 3, releases: [TREE.manifest, { ...old, schema: 2 }] });
    expect(() => planRollback(INVENTORY, facts)).toThrow('schema 3, and 1.1.0 reads up to 2');
  });

  it('is refused where a host does not have that version', () => {
    expect(() => planRollback(INVENTORY, upgraded().set('home', done().get('home') as Facts))).toThrow(
      'home: has no release 1.1.0 (there: 1.2.0)',
    );
    expect(() => planRollback(INVENTORY, done())).toThrow('there is no version before this one');
  });
});
