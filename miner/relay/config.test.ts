import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Ajv } from 'ajv';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gistSettings, Relay } from './config.js';

const ENV = { GIST_TOKEN: ' ghp_abc\n', GIST_ID: '9e0d60bc', SYNC_INTERVAL: '120' };

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-relay-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

describe('where the Gist is', () => {
  it('is said by the environment, as for sync_to_gist.py', () => {
    const settings = gistSettings(undefined, ENV);
    expect(settings).toMatchObject({
      id: '9e0d60bc',
      interval_s: 120,
      refresh_s: 120,
      api_url: 'https://api.github.com',
    });
    expect(settings?.token()).toBe('ghp_abc');
    expect(JSON.stringify(settings)).not.toContain('ghp_abc');
  });

  it('is said by the config before that', () => {
    const token_file = path.join(folder, 'token');
    fs.writeFileSync(token_file, 'ghp_first\n');
    const settings = gistSettings({ id: 'abc1', token_file, interval_s: 30, refresh_s: 600 }, ENV);
    expect(settings).toMatchObject({ id: 'abc1', interval_s: 30, refresh_s: 600 });
    fs.writeFileSync(token_file, 'ghp_second\n');
    expect(settings?.token()).toBe('ghp_second');
  });

  it('is nowhere where nobody asks for it', () => {
    expect(gistSettings(undefined, {})).toBeUndefined();
    expect(gistSettings(undefined, { GIST_ID: 'abc' })).toBeUndefined();
    expect(gistSettings(undefined, { GIST_TOKEN: 'abc', GIST_ID: ' ' })).toBeUndefined();
  });

  it.each([
    ['no token', {}, { GIST_ID: 'a' }, /GIST_TOKEN is not set.*gist scope/],
    ['no id', {}, { GIST_TOKEN: 'a' }, /GIST_ID is not set/],
    ['an address for an id', undefined, { ...ENV, GIST_ID: 'https://gist.github.com/a/b' }, /no id of a Gist/],
    [
      'a strange interval',
      undefined,
      { ...ENV, SYNC_INTERVAL: '1m' },
      /SYNC_INTERVAL must be .* 10–86400 \(got "1m"\)/,
    ],
    ['a hurry', undefined, { ...ENV, SYNC_INTERVAL: '1' }, /SYNC_INTERVAL must be/],
    ['a token file that is not there', { token_file: '/no/such' }, ENV, /token_file cannot be read/],
    ['an address that others hear', { api_url: 'http://github.example/api/v3' }, ENV, /must begin with https/],
  ])('refuses %s', (_name, config, env, message) => {
    expect(() => gistSettings(config, env)).toThrow(message);
  });

  it('does not repeat a token that is none', () => {
    expect(() => gistSettings({}, { ...ENV, GIST_TOKEN: 'ghp_a ghp_b' })).toThrow(
      /^GIST_TOKEN holds no token: it must be one word/,
    );
    expect(() => gistSettings({}, { ...ENV, GIST_TOKEN: 'ghp_a\u0000b' })).not.toThrow(/ghp_a/);
  });
});

describe('the section relay', () => {
  const validate = new Ajv({ useDefaults: true, strict: true, keywords: ['must'] }).compile(Relay);

  it('fills in what is left out', () => {
    const section = { gist: {}, hub: { userdata: '/var/home-data/userdata', name: 'home' } };
    expect(validate(section)).toBe(true);
    expect(section).toEqual({
      gist: {},
      hub: { userdata: '/var/home-data/userdata', name: 'home', interval_s: 60 },
      addresses: false,
    });
  });

  it.each([
    { gist: { token: 'ghp_x' } },
    { gist: { id: '../x' } },
    { gist: { interval_s: 1 } },
    { hub: { userdata: 'userdata', name: 'home' } },
    { hub: { userdata: '/u', name: '../home' } },
    { hub: { userdata: '/u' } },
    { address: true },
  ])('refuses %j', (section) => {
    expect(validate(section)).toBe(false);
  });
});
