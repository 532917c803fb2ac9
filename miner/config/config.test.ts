/** miner.yaml: what it means, and what is said of mistakes. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ConfigError } from '../../common/runtime/config-problems.js';
import { isMinerConfig, limitsOf, loadMinerConfig, parseMinerConfig } from './config.js';

const EXAMPLE = path.join(import.meta.dirname, '../../fixtures/miner.example.yaml');

function mistakes(text: string): readonly string[] {
  try {
    parseMinerConfig(text, 'miner.yaml');
  } catch (error) {
    return (error as ConfigError).problems;
  }
  return [];
}

it('an empty file is a config: the LAN, every 30 seconds', () => {
  const config = parseMinerConfig('', 'miner.yaml');
  expect(config).toMatchObject({ state: '/var/lib/axle/miner', poll_interval_s: 30, ports: { rpc: 4_028, http: 80 } });
  expect(config.networks).toBeUndefined();
  expect(limitsOf(config)).toEqual({ stale_after_ms: 90_000, offline_after_ms: 300_000 });
  expect(limitsOf(parseMinerConfig('poll_interval_s: 60', 'miner.yaml'))).toEqual({
    stale_after_ms: 180_000,
    offline_after_ms: 600_000,
  });
});

it('names all mistakes at once, with line and remedy', () => {
  const found = mistakes(`poll_interval_s: 1
networks:
  - 192.168.1.0/24
  - 10.0.0.0/8
  - rigs
logins: [{family: toaster, user: root, password: 123}]
intervall: 5
stale_after_s: 20
offline_after_s: 10
`);
  expect(found.join('\n')).toContain('miner.yaml:1: poll_interval_s: must be 5–3600 (got 1)');
  expect(found.join('\n')).toContain('miner.yaml:4: networks[1]: the prefix of 10.0.0.0/8 must be 16–32');
  expect(found.join('\n')).toContain('miner.yaml:5: networks[2]: must be an IPv4 network, such as 192.168.1.0/24');
  expect(found.join('\n')).toMatch(/miner\.yaml:6: logins\[0\]\.family: must be one of cgminer, antminer/);
  expect(found.join('\n')).toContain('miner.yaml:6: logins[0].password: must be text: put it in quotes (got 123)');
  expect(found.join('\n')).toMatch(/miner\.yaml:7: intervall: is not a known key/);
  expect(found.join('\n')).toContain('miner.yaml:9: offline_after_s: must not be less than stale_after_s (got 10)');
  expect(mistakes('poll_interval_s: 60\nstale_after_s: 30\n')).toEqual([
    'miner.yaml:2: stale_after_s: must not be less than poll_interval_s, 60 (got 30)',
  ]);
});

it('names the miners that only their pool sees, or none', () => {
  expect(parseMinerConfig('pool_miners: {workers: ["nerd*", ""]}', 'x').pool_miners).toMatchObject({ interval_s: 300 });
  expect(mistakes('pool_miners: {interval_s: 300}\n').join()).toContain('workers');
  expect(mistakes('pool_miners: {workers: ["*"], stale_after_s: 900, offline_after_s: 600}\n')).toEqual([
    'miner.yaml:1: pool_miners.offline_after_s: must not be less than stale_after_s, 900 (got 600)',
  ]);
});

it('lets the token of a Gist go nowhere in clear text', () => {
  const relay = (url: string) => mistakes(`relay: {gist: {api_url: "${url}"}}\n`);
  expect(relay('http://example.org')).toEqual([
    'miner.yaml:1: relay.gist.api_url: must begin with https://, because the token goes there (got http://example.org)',
  ]);
  for (const url of ['https://example.org/api/v3', 'http://127.0.0.1:8200']) expect(relay(url)).toEqual([]);
  expect(relay('ftp://example.org')).toHaveLength(1);
});

it('the example has every key with its default', () => {
  const text = fs.readFileSync(EXAMPLE, 'utf8');
  const whole = parseMinerConfig(text.replaceAll(/^# ?(?=[a-z_]+:| {2})/gm, ''), EXAMPLE);
  expect(loadMinerConfig(EXAMPLE)).toEqual(parseMinerConfig('', EXAMPLE));
  for (const key of Object.keys(parseMinerConfig('', EXAMPLE))) expect(whole).toHaveProperty(key);
  expect(whole).toMatchObject({ logins: [{ family: 'antminer' }], networks: ['192.168.1.0/24'], stale_after_s: 90 });
});

it("is told apart from a site's config", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-config-'));
  try {
    const is = (text: string, name = 'some.yaml') => {
      const file = path.join(folder, name);
      fs.writeFileSync(file, text);
      return isMinerConfig(file);
    };
    expect(is('poll_interval_s: 30')).toBe(true);
    expect(is('networks: [192.168.1.0/24]\nnonsense: 1')).toBe(true);
    expect(is('site: x\nstate: /x\nscan_interval_s: 3')).toBe(false);
    expect(is('')).toBe(false);
    for (const text of ['', '{}\n', '# all as it is\n']) expect(is(text, 'miner.yaml'), text).toBe(true);
    expect(is('site: x', 'miner.yaml')).toBe(false);
    expect(() => isMinerConfig(path.join(folder, 'none.yaml'))).toThrow(ConfigError);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
