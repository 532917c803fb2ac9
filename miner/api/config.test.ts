/** The section api: of miner.yaml, and the tokens that it needs. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigError } from '../../common/runtime/config-problems.js';
import { hashToken, writeTokens } from '../../common/runtime/tokens.js';
import { loadMinerConfig, parseMinerConfig } from '../config/config.js';
import { tokensFileOf } from './config.js';
import { startApi } from './main.js';
import { RETENTION, TestAgent } from './testing/agents.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-api-config-'));
  file = path.join(folder, 'miner.yaml');
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function mistakes(text: string): readonly string[] {
  fs.writeFileSync(file, text);
  try {
    loadMinerConfig(file);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
}

const addToken = (name = 'tokens.json') =>
  writeTokens(path.join(folder, name), [
    { name: 'phone', sha256: hashToken('axle_x'), scopes: ['read'], created: '2026-01-01' },
  ]);

describe('api:', () => {
  it('is this machine alone on port 8000, and its tokens stand with the state', () => {
    const config = parseMinerConfig('', 'miner.yaml');
    expect(config.api).toMatchObject({ host: '127.0.0.1', port: 8000, token_always: false, names: [] });
    expect(tokensFileOf(config)).toBe('/var/lib/axle/miner/tokens.json');
    expect(tokensFileOf(parseMinerConfig('api: {tokens: /x/y.json}', 'miner.yaml'))).toBe('/x/y.json');
  });

  it('names what is wrong', () => {
    const found = mistakes(
      'api:\n  port: 70000\n  host: "-x"\n  tokens: tokens.json\n  names: ["a b"]\n  limits: {scans: 0}\n  cors: []\n',
    ).join('\n');
    for (const part of [
      ':2: api.port: must be 0–65535 (got 70000)',
      ':3: api.host: must be an address',
      ':4: api.tokens: must be an absolute path',
      ':5: api.names[0]: must be a host name',
      ':6: api.limits.scans: must be 1–16',
      ':7: api.cors: is not a known key',
    ])
      expect(found).toContain(part);
  });

  it.each(['0.0.0.0', '::', '192.168.1.5', 'miners.lan'])('listens at %s only where there is a token', (host) => {
    const text = `state: ${folder}\napi: {host: "${host}"}\n`;
    expect(mistakes(text)).toEqual([
      `${file}:2: api.host: must be of this machine alone (there is no token in ${folder}/tokens.json yet, axle miner token add NAME --config FILE makes one; got "${host}")`,
    ]);
    // What makes the first one must be able to read the config.
    expect(loadMinerConfig(file, { withDisk: false }).api.host).toBe(host);
    addToken();
    expect(mistakes(text)).toEqual([]);
    fs.chmodSync(path.join(folder, 'tokens.json'), 0o644);
    expect(mistakes(text)[0]).toContain('chmod 0640');
  });

  it.each(['127.0.0.1', '127.5.5.5', '::1', 'localhost'])('needs none at %s', (host) => {
    expect(mistakes(`state: ${folder}\napi: {host: "${host}"}\n`)).toEqual([]);
  });
});

describe('the API', () => {
  const start = async (section: string, agent: TestAgent) =>
    startApi(agent, {
      config: parseMinerConfig(`api: ${section}`, 'miner.yaml').api,
      tokens_file: path.join(folder, 'tokens.json'),
      log: { error() {}, warn() {}, info() {}, debug() {} },
      networks: () => [],
      retention: RETENTION,
    });

  it('does not listen for others without a token, nor where somebody else does, and says what to do', async () => {
    const agent = new TestAgent({ rpc: 1, http: 1, whatsminer: 1 });
    try {
      await expect(start('{host: 0.0.0.0, port: 0}', agent)).rejects.toMatchObject({
        code: 'AXL-MINER-API',
        hint: expect.stringContaining('axle miner token add'),
      });
      const first = await start('{port: 0}', agent);
      await expect(start(`{port: ${first.port}}`, agent)).rejects.toMatchObject({
        code: 'AXL-MINER-API',
        hint: expect.stringContaining('api.port'),
      });
      await first.close();
      addToken();
      const open = await start('{host: 0.0.0.0, port: 0}', agent);
      expect((await fetch(`http://127.0.0.1:${open.port}/api/miners`)).status).toBe(200);
      await open.close();
    } finally {
      await agent.close();
    }
  });
});
