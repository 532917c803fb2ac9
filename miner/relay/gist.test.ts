import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GistClient, type GistClientOptions } from './gist.js';
import { GistFault } from './gist-fault.js';
import { GistServer } from './testing/gist-server.js';

const ID = '9e0d60bcc84c808f505f9a4bfea0bc2f';
const FILE = 'miner_data.json';
const TOKEN = 'ghp_0123456789abcdef';
const NOW = 1_999_999_000_000;

let server: GistServer;

beforeEach(async () => {
  server = await GistServer.start();
  server.accounts.set(TOKEN, { owner: 'andy', scopes: ['gist'] });
  server.accounts.set('ghp_noscope', { owner: 'andy', scopes: ['repo'] });
  server.accounts.set('ghp_other', { owner: 'mallory', scopes: ['gist'] });
  server.add(ID, 'andy');
});

afterEach(() => server.close());

function client(more: Partial<GistClientOptions> = {}): GistClient {
  return new GistClient({
    api_url: server.url,
    token: TOKEN,
    now: () => NOW,
    timeout_ms: 500,
    conflict_pause_ms: 1,
    ...more,
  });
}

async function faultBy(work: Promise<unknown>): Promise<GistFault> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(GistFault);
  return error as GistFault;
}

describe('writing a Gist', () => {
  it('replaces the file, and says what GitHub still allows', async () => {
    expect(await client().write(ID, FILE, '{"a":1}')).toEqual({ remaining: 4_999, reset_at: 2_000_000_000_000 });
    expect(server.textOf(ID)).toBe('{"a":1}');
    expect(server.asked[0]?.headers).toMatchObject({
      authorization: `Bearer ${TOKEN}`,
      accept: 'application/vnd.github+json',
      'user-agent': expect.stringMatching(/^axle\//),
    });
  });

  it.each([
    ['a wrong token', 'ghp_wrong', ID, 'unauthorized', 'HTTP error 401: Bad credentials', /invalid or expired/],
    ['no token', undefined, ID, 'unauthorized', 'HTTP error 401: Requires authentication', /set GIST_TOKEN/],
    ['a token without the scope', 'ghp_noscope', ID, 'missing', 'HTTP error 404: Not Found', /the gist scope/],
    ["somebody else's token", 'ghp_other', ID, 'missing', 'HTTP error 404: Not Found', /owner of the token/],
    ['a wrong id', TOKEN, '../gists', 'missing', 'HTTP error 404: Not Found', /GIST_ID is right/],
  ])('with %s says what to do', async (_name, token, id, code, message, hint) => {
    const fault = await faultBy(client({ token }).write(id, FILE, '{}'));
    expect(fault).toMatchObject({ code, message, hint: expect.stringMatching(hint) });
    expect(fault.not_before).toBeUndefined();
    expect(`${fault.message}${fault.hint}${fault.stack}`).not.toContain(TOKEN);
  });

  it('says that content was refused', async () => {
    expect(await faultBy(client().write(ID, FILE, ''))).toMatchObject({ code: 'refused', message: /422/ });
  });

  it('tries again at a conflict, and gives up at the third', async () => {
    const conflict = { status: 409, body: '{"message":"Gist cannot be updated."}' };
    server.troubles.push(conflict, conflict);
    await client().write(ID, FILE, '1');
    expect(server.textOf(ID)).toBe('1');
    server.troubles.push(conflict, conflict, conflict);
    expect(await faultBy(client().write(ID, FILE, '2'))).toMatchObject({ code: 'conflict' });
    expect(server.asked).toHaveLength(6);
  });

  it('waits for the end of the window where the primary limit is used up', async () => {
    server.used = server.limit;
    expect(await faultBy(client().write(ID, FILE, '1'))).toMatchObject({
      code: 'rate-limited',
      not_before: 2_000_000_001_000,
      hint: expect.stringContaining('increase SYNC_INTERVAL'),
    });
  });

  it.each([
    ['in seconds', 403, { 'retry-after': '90' }, NOW + 90_000],
    ['as a date', 429, { 'retry-after': new Date(NOW + 45_000).toUTCString() }, NOW + 45_000],
    ['not at all', 429, {}, NOW + 60_000],
    ['by words', 403, {}, NOW + 60_000],
    [
      'as nonsense',
      429,
      { 'retry-after': 'soon', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': 'x' },
      NOW + 60_000,
    ],
    ['for a year', 429, { 'retry-after': '31536000' }, NOW + 3_600_000],
  ])('keeps to a secondary limit that says when %s', async (_name, status, headers, not_before) => {
    server.troubles.push({ status, headers, body: '{"message":"You have exceeded a secondary rate limit."}' });
    expect(await faultBy(client().write(ID, FILE, '1'))).toMatchObject({ code: 'rate-limited', not_before });
  });

  it.each([
    [{ status: 502, body: '<html>' } as const, 'server', 'HTTP error 502'],
    [{ status: 503, headers: { 'retry-after': '7' } } as const, 'server', 'HTTP error 503'],
    [{ status: 403, body: '{"message":"Resource not accessible"}' } as const, 'forbidden', 'HTTP error 403: Resource'],
    [{ status: 301, headers: { location: 'http://127.0.0.1:1/' } } as const, 'unreachable', ''],
    ['hang' as const, 'unreachable', 'no answer in time'],
    ['cut' as const, 'unreachable', ''],
  ])('meets %j', async (trouble, code, message) => {
    server.troubles.push(trouble);
    expect(await faultBy(client().write(ID, FILE, '1'))).toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it('never repeats a token that an answer names', async () => {
    server.troubles.push({ status: 400, body: JSON.stringify({ message: `bad header ${TOKEN}` }) });
    expect((await faultBy(client().write(ID, FILE, '1'))).message).toBe('HTTP error 400: bad header ***');
  });

  it('says that nobody is there', async () => {
    const fault = await faultBy(client({ api_url: 'http://127.0.0.1:9' }).write(ID, FILE, '1'));
    expect(fault).toMatchObject({ code: 'unreachable', hint: expect.stringContaining('internet connection') });
  });
});

describe('reading a Gist', () => {
  it('gives the file with a tag, and nothing while it is the same', async () => {
    server.add(ID, 'andy', '{"miners":{}}');
    const first = await client().read(ID, FILE);
    expect(first).toMatchObject({ text: '{"miners":{}}', budget: { remaining: 4_999 } });
    const again = await client().read(ID, FILE, first.tag);
    expect(again).toEqual({ tag: first.tag, budget: { remaining: 4_999, reset_at: 2_000_000_000_000 } });
    await client().write(ID, FILE, '2');
    expect((await client().read(ID, FILE, first.tag)).text).toBe('2');
  });

  it('reads without a token', async () => {
    await client({ token: undefined }).read(ID, FILE);
    expect(server.asked[0]?.headers.authorization).toBeUndefined();
  });

  it('fetches what was truncated from its raw address, without the token', async () => {
    const long = `"${'x'.repeat(1_500_000)}"`;
    server.add(ID, 'andy', long);
    expect((await client().read(ID, FILE)).text).toBe(long);
    expect(server.asked.map(({ url }) => url)).toEqual([`/gists/${ID}`, `/raw/andy/${ID}/raw/${FILE}`]);
    expect(server.asked[1]?.headers.authorization).toBeUndefined();
  });

  it('reads a raw address with a tag', async () => {
    const first = await client().readRaw(server.rawUrl(ID));
    expect(first.text).toBe('{}');
    expect(await client().readRaw(server.rawUrl(ID), first.tag)).toEqual({ tag: first.tag });
    expect(await faultBy(client().readRaw(server.rawUrl('none')))).toMatchObject({
      code: 'missing',
      hint: expect.stringContaining('GIST_RAW_URL'),
    });
  });

  it('says that the file is not in it', async () => {
    expect(await faultBy(client().read(ID, 'other.json'))).toMatchObject({
      code: 'missing',
      message: 'the Gist has no file other.json',
    });
    expect(await faultBy(client().read(ID, 'constructor'))).toMatchObject({ code: 'missing' });
  });

  it('names the remedies of a reader', async () => {
    server.used = server.limit;
    expect((await faultBy(client().read(ID, FILE))).hint).toContain('increase GIST_CACHE_TTL');
  });

  it('refuses an answer without end', async () => {
    server.add(ID, 'andy', 'x'.repeat(13_000_000));
    expect(await faultBy(client({ timeout_ms: 10_000 }).readRaw(server.rawUrl(ID)))).toMatchObject({ code: 'answer' });
  });
});
