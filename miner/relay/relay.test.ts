import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Fields, Log } from '../../common/runtime/log.js';
import { HubFileError, writeHubFile } from './hub-file.js';
import { startRelay } from './relay.js';
import type { Snapshot } from './snapshot.js';
import { GistServer } from './testing/gist-server.js';

const source = {
  now: Date.now,
  fleet: () => ({
    at: Date.now(),
    poll_interval_s: 30,
    miners: [{ id: 1, name: 'rig1', miner_type: 'axeos', state: 'offline' as const, address: '192.168.1.5' }],
  }),
};

let root: string;
let userdata: string;
let lines: { event: string; fields: Fields }[];
const say = (event: string, fields: Fields = {}): void => void lines.push({ event, fields });
const log: Log = { error: say, warn: say, info: say, debug: say };

beforeEach(() => {
  lines = [];
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-relay-'));
  userdata = path.join(root, 'userdata');
  fs.mkdirSync(path.join(userdata, '.axle'), { recursive: true });
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

describe('the relay', () => {
  it('publishes to a Gist and to the hub', async () => {
    const server = await GistServer.start();
    server.accounts.set('ghp_abc', { owner: 'andy', scopes: ['gist'] });
    server.add('abc', 'andy');
    const config = {
      gist: { id: 'abc', api_url: server.url },
      hub: { userdata, name: 'home', interval_s: 60 },
      addresses: false,
    };
    const relay = startRelay(source, config, log, { GIST_TOKEN: 'ghp_abc' });
    try {
      await vi.waitFor(() => expect(relay?.status()).toMatchObject({ gist: { miners: 1 }, hub: { miners: 1 } }));
      const document = fs.readFileSync(path.join(userdata, 'fleet/home.txt'), 'utf8');
      for (const text of [`[${server.textOf('abc')}]`, document]) {
        expect((JSON.parse(text) as [Snapshot])[0].miners).toHaveProperty('rig1');
        expect(text).not.toContain('192.168');
      }
    } finally {
      await relay?.close();
      await server.close();
    }
  });

  it('goes on to the hub where the Gist is not configured rightly, and says so without the token', async () => {
    const config = { gist: { id: 'abc' }, hub: { userdata, name: 'home', interval_s: 60 }, addresses: false };
    const relay = startRelay(source, config, log, { GIST_TOKEN: 'ghp_secret oops' });
    await vi.waitFor(() => expect(relay?.status().hub?.miners).toBe(1));
    await relay?.close();
    expect(relay?.status()).not.toHaveProperty('gist');
    expect(lines[0]).toMatchObject({ event: 'gist not updated', fields: { code: 'AXL-RELAY-GIST' } });
    expect(JSON.stringify(lines)).not.toContain('ghp_secret');
  });

  it('is nothing where nothing is asked for', () => {
    expect(startRelay(source, undefined, log, {})).toBeUndefined();
  });
});

describe("the hub's file", () => {
  const file = () => path.join(userdata, 'fleet/home.txt');

  it('takes the place of the one before, whole', async () => {
    await writeHubFile(userdata, 'home', 'one');
    const { ino } = fs.statSync(file());
    await writeHubFile(userdata, 'home', 'two');
    expect(fs.readFileSync(file(), 'utf8')).toBe('two');
    expect(fs.statSync(file()).ino).not.toBe(ino);
    expect(fs.readdirSync(path.dirname(file()))).toEqual(['home.txt']);
  });

  it('is written over what a crash left', async () => {
    fs.mkdirSync(path.join(userdata, 'fleet'));
    fs.writeFileSync(path.join(userdata, 'fleet/.home.axle-tmp'), 'half');
    await writeHubFile(userdata, 'home', 'one');
    expect(fs.readdirSync(path.dirname(file()))).toEqual(['home.txt']);
  });

  it.each([
    [
      'no spoke has worked there',
      () => fs.rmSync(path.join(userdata, '.axle'), { recursive: true }),
      /no folder that a spoke works on/,
    ],
    ['the folder is a link', () => fs.symlinkSync(os.tmpdir(), path.join(userdata, 'fleet')), /EEXIST/],
  ])('is refused where %s', async (_name, prepare, message) => {
    prepare();
    const error = await writeHubFile(userdata, 'home', 'one').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HubFileError);
    expect(error).toMatchObject({ message: expect.stringMatching(message), hint: expect.stringMatching(/\w/) });
  });

  it('has no name that leads elsewhere', async () => {
    await expect(writeHubFile(userdata, '../../etc/passwd', 'one')).rejects.toThrow(RangeError);
  });
});
