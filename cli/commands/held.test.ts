/** `axle held` against daemons that run, and against one that does not. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Lab, type LabSite } from '../../common/testing/sites.js';
import { buildProgram, runProgram } from '../program.js';

const ANDY = 'balances/1-andy';
const EVE = 'balances/2-eve';

let lab: Lab;
let spoke: LabSite;
let config = '';
let out = '';

beforeAll(async () => {
  lab = new Lab({ spokes: ['roflfaucet'], inMemory: true });
  for (const site of lab.sites) for (const name of [ANDY, EVE]) site.write(name, { balance: 100 });
  await lab.start();
  spoke = lab.site('roflfaucet');
  config = join(lab.root, 'spoke.yaml');
  const link = `{ type: folder, inbox: ${lab.hub.inbox('roflfaucet')} }`;
  writeFileSync(
    config,
    `site: roflfaucet\nuserdata: ${spoke.userdata}\nstate: ${spoke.state}\nhub: { site: ${lab.hub.name}, link: ${link} }\n`,
  );
});
afterAll(() => lab.close());

beforeEach(() => {
  out = '';
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      out += String(text);
      return true;
    });
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

const held = (...args: string[]) => runProgram(buildProgram(), ['node', 'axle', 'held', ...args]);

async function hold(name: string): Promise<string> {
  const before = spoke.store.countHeld();
  spoke.write(name, { balance: 0 });
  await lab.until('it is held', () => spoke.store.countHeld() === before + 1);
  await lab.balance(name, 100);
  return String(spoke.store.heldAfter(0, 100).at(-1)?.id);
}

describe('axle held', () => {
  it('lists and shows what is held', async () => {
    expect(await held('list', '--config', config)).toBe(0);
    expect(out).toBe('Nothing is held.\n');
    out = '';
    const id = await hold(ANDY);
    expect(await held('list', '--config', config)).toBe(0);
    expect(out).toMatch(new RegExp(`^${id}  \\d{4}-.*Z  balances/1-andy  zero  balance 100 → 0\\n$`));
    out = '';
    expect(await held('list', '--json', '--config', config)).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ id: Number(id), document: ANDY, reason: 'zero' });
    out = '';
    expect(await held('show', id, '--config', config)).toBe(0);
    expect(out).toContain('"balance": 100');
    expect(out).toContain('"balance": 0');
    out = '';
    expect(await held('show', id, '--json', '--config', config)).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ id: Number(id), live: expect.stringContaining('"balance": 0') });
  });

  it('approves and rejects by number and all at once', async () => {
    const [andy] = spoke.store.heldAfter(0, 1).map(({ id }) => String(id));
    expect(await held('reject', andy as string, '--config', config)).toBe(0);
    expect(out).toBe('rejected: 1\n');
    await lab.expectBalance(ANDY, 100);
    await hold(ANDY);
    await hold(EVE);
    out = '';
    expect(await held('approve', '--all', '-c', config)).toBe(0);
    expect(out).toBe('approved: 2\n');
    for (const name of [ANDY, EVE]) await lab.expectBalance(name, 0);
    out = '';
    expect(await held('approve', '--all', '-c', config)).toBe(0);
    expect(out).toBe('approved: 0\n');
  });

  it('says which numbers it does not know', async () => {
    expect(await held('approve', '999', '998', '--config', config)).toBe(1);
    expect(out).toContain('approved: 0\n');
    expect(out).toContain('999, 998');
    expect(await held('show', '999', '--config', config)).toBe(1);
    expect(out).toContain('axle held list');
  });

  it.each([
    ['no decision', []],
    ['neither number nor --all', ['approve', '--config', 'CONFIG']],
    ['both number and --all', ['reject', '1', '--all', '--config', 'CONFIG']],
    ['what is no number', ['approve', 'x', '--config', 'CONFIG']],
    ['no config', ['list']],
  ])('answers %s with usage and exit code 2', async (_what, args) => {
    expect(await held(...args.map((arg) => (arg === 'CONFIG' ? config : arg)))).toBe(2);
    expect(out).not.toBe('');
  });

  it('says that no daemon is running, and how to start it', async () => {
    await spoke.stop();
    for (const args of [['list'], ['show', '1'], ['approve', '1'], ['reject', '--all']]) {
      out = '';
      expect(await held(...args, '--config', config)).toBe(1);
      expect(out).toContain('no daemon is running');
      expect(out).toContain(`axle spoke --config ${config}`);
    }
  });
});
