import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../common/runtime/config.js';
import { parseInventory } from './inventory.js';

const EXAMPLE = readFileSync(join(import.meta.dirname, '../fixtures/inventory.example.yaml'), 'utf8');
const SMALL = `
hub: { site: hub, host: hub.example }
spokes:
  - { site: one, host: one.example, user: andy }
`;

function problemsOf(text: string): readonly string[] {
  try {
    parseInventory(text, 'i.yaml', '/home/andy');
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('an inventory', () => {
  it('fills in what was left out', () => {
    const { hub, spokes, knownHosts } = parseInventory(SMALL, 'i.yaml', '/home/andy');
    expect(knownHosts).toBe('/home/andy/.ssh/known_hosts');
    expect(hub).toEqual({
      role: 'hub',
      site: 'hub',
      host: 'hub.example',
      port: 22,
      user: 'root',
      become: 'none',
      linkHost: 'hub.example',
      linkPort: 22,
      userdata: '/var/hub-data/userdata',
      owner: { user: 'www-data', group: 'www-data' },
      keepsOwner: true,
      keepsFleets: false,
      config: {},
      pulls: false,
    });
    expect(spokes[0]).toMatchObject({ role: 'spoke', user: 'andy', become: 'sudo' });
    expect(spokes[0]).not.toHaveProperty('sidecar');
  });

  it('is as the example shows it', () => {
    const { hub, spokes } = parseInventory(EXAMPLE, 'i.yaml', '/home/andy');
    expect(hub).toMatchObject({
      key: '/home/andy/.ssh/id_ed25519',
      owner: { user: 'apache' },
      linkHost: '10.0.0.5',
      config: { join: 'hold', kinds: {} },
    });
    expect(spokes.map(({ pulls }) => pulls)).toEqual([false, true]);
    expect(spokes[0]?.sidecar).toEqual({ port: 8787 });
    expect(spokes.map(({ miner }) => miner)).toMatchObject([undefined, { networks: ['192.168.1.0/24'], credit: {} }]);
  });

  it("has a site's own keys before those of all", () => {
    const text = `config: { join: newest, log_level: debug }\n${SMALL.replace('hub.example }', 'hub.example, config: { join: hub } }')}`;
    const { hub, spokes } = parseInventory(text, 'i.yaml', '/');
    expect(hub.config).toEqual({ join: 'hub', log_level: 'debug' });
    expect(spokes[0]?.config).toEqual({ join: 'newest', log_level: 'debug' });
  });

  it.each([
    [
      'hub.example',
      '"-oProxyCommand=x"',
      'i.yaml:2: hub.host: must be a host name or address (got "-oProxyCommand=x")',
    ],
    ['site: one', 'site: "../one"', 'i.yaml:4: spokes[0].site: must be a site name'],
    ['site: one', 'site: hub', 'i.yaml:4: spokes[0].site: must be named once'],
    ['one.example', 'hub.example', 'i.yaml:4: spokes[0].host: must have one site only'],
    ['user: andy', 'user: "andy; id"', 'i.yaml:4: spokes[0].user: must be the name of an account'],
    ['user: andy', 'user: andy, become: none', 'i.yaml:4: spokes[0].become: must be sudo where the user is "andy"'],
    ['user: andy', 'port: 0', 'i.yaml:4: spokes[0].port: must be 1–65535 (got 0)'],
    ['user: andy', 'owner: www-data', 'i.yaml:4: spokes[0].owner: must be user:group'],
    ['user: andy', 'userdata: "/var/a b"', 'i.yaml:4: spokes[0].userdata: must be an absolute path'],
    ['user: andy', 'userdata: /var/../etc', 'i.yaml:4: spokes[0].userdata: must be an absolute path'],
    ['user: andy', 'userdata: /tmp/x', 'i.yaml:4: spokes[0].userdata: must be a place that services may write'],
    ['user: andy', 'link: folder', 'i.yaml:4: spokes[0].link: must be one of push, pull (got "folder")'],
    ['user: andy', 'sidecar: 3', 'i.yaml:4: spokes[0].sidecar: must be true, false or a group of keys'],
    ['user: andy', 'config: { state: /x }', 'i.yaml:4: spokes[0].config.state: is made from the rest'],
    ['user: andy', 'usr: andy', 'i.yaml:4: spokes[0].usr: is not a known key'],
    ['hub: { site: hub', 'hub: { sit: hub', 'hub.site: is missing'],
    ['  - { site: one, host: one.example, user: andy }', '  []', 'spokes: must name at least one spoke'],
  ])('with %s as %s is refused, with line and remedy', (good, bad, problem) => {
    expect(problemsOf(SMALL.replace(good, bad)).join('\n')).toContain(problem);
  });

  it('reports all mistakes at once', () => {
    expect(problemsOf(SMALL.replace('hub.example', '";"').replace('user: andy', 'port: x'))).toHaveLength(2);
  });
});
