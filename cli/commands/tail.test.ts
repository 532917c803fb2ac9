/** `axle tail` beside a spoke that runs, restarts, and says much. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Lab } from '../../common/testing/sites.js';
import { buildProgram, runProgram } from '../program.js';
import { axle, configOf } from '../testing/lab.js';

let lab: Lab;
let config = '';

beforeAll(async () => {
  lab = await Lab.started({ spokes: ['roflfaucet'], inMemory: true });
  config = configOf(lab, lab.site('roflfaucet'));
  lab.site('roflfaucet').write('balances/1-andy', { balance: 5 });
  await lab.expectBalance('balances/1-andy', 5);
});
afterAll(() => lab.close());

describe('axle tail', () => {
  it('shows what is kept, in the words of the journal', async () => {
    const { code, out } = await axle('tail', '--since', '0', '--no-follow', '--config', config);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}balances\/1-andy absorbed site=roflfaucet seq=\d+$/m);
    expect(out).toMatch(/^\S+ info {2}balances\/1-andy sent .*to=directsponsor/m);
  });

  it('gives programs JSON lines with numbers, from any number on', async () => {
    const { out } = await axle('tail', '--json', '--since', '0', '--no-follow', '--config', config);
    const entries = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: number; event: string });
    expect(entries.map(({ id }) => id)).toEqual(entries.map((_, i) => i + 1));
    const last = String((entries.at(-1)?.id ?? 0) - 1);
    const rest = await axle('tail', '--json', '--since', last, '--no-follow', '--config', config);
    expect(rest.out.trim().split('\n')).toHaveLength(1);
  });

  it.each(['-1', 'x', '1.5'])('refuses --since %s', async (since) => {
    expect((await axle('tail', '--since', since, '--config', config)).code).toBe(2);
  });

  describe('following', () => {
    let out = '';
    let err = '';
    let done: Promise<number>;

    beforeEach(async () => {
      [out, err] = ['', ''];
      vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
        out += String(text);
        return true;
      });
      vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
        err += String(text);
        return true;
      });
      done = runProgram(buildProgram(), ['node', 'axle', 'tail', '--config', config]);
      await lab.until('what was before is shown', () => out.includes('ready'));
    });
    afterEach(() => vi.restoreAllMocks());

    it('goes on over a restart of the daemon, and ends with 0 when it is told to', async () => {
      const rofl = lab.site('roflfaucet');
      rofl.write('balances/2-bob', { balance: 7 });
      await lab.until('bob is shown', () => /2-bob absorbed/.test(out));
      out = '';
      await rofl.restart();
      await lab.until('the new life is shown', () => out.includes('ready') && err.includes('started anew'));
      rofl.write('balances/3-cora', { balance: 7 });
      await lab.until('cora is shown', () => /3-cora absorbed/.test(out));
      process.emit('SIGTERM');
      expect(await lab.within(done, 'it ends')).toBe(0);
      // Once each.
      expect(out.match(/3-cora absorbed/g)).toHaveLength(1);
    });
  });

  it('ends with 2 where no daemon runs', async () => {
    await lab.site('roflfaucet').stop();
    const { code, err } = await axle('tail', '--config', config);
    expect(code).toBe(2);
    expect(err).toContain(`axle spoke --config ${config}`);
  });
});
