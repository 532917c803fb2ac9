/** `axle status` of a hub and a spoke that run, over the real control channel. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SiteStatus } from '../../common/site/status.js';
import { Lab } from '../../common/testing/sites.js';
import { painter } from '../paint.js';
import { buildProgram, runProgram } from '../program.js';
import { axle, configOf } from '../testing/lab.js';
import { exitCodeOf, textOf } from './status.js';

let lab: Lab;
let hub = '';
let spoke = '';

beforeAll(async () => {
  lab = await Lab.started({ spokes: ['roflfaucet'], inMemory: true });
  hub = configOf(lab, lab.hub);
  spoke = configOf(lab, lab.site('roflfaucet'));
  lab.site('roflfaucet').write('balances/1-andy', { balance: 5 });
  await lab.expectBalance('balances/1-andy', 5);
});
afterAll(() => lab.close());

describe('axle status', () => {
  it('shows a healthy hub on one screen, and ends with 0', async () => {
    const { code, out } = await axle('status', '--config', hub);
    expect(out).toMatch(/^directsponsor {2}hub, ready, started 20\d\d-.*Z, \d+ s ago, version \d/);
    expect(out).toContain('documents      1, last change');
    expect(out).toMatch(/roflfaucet +up +0 +\d+ s ago/);
    expect(out).toMatch(/arrivals +p50 [\d,]+ ms, p99 [\d,]+ ms, 1 in all/);
    expect(code).toBe(0);
  });

  it('gives programs everything', async () => {
    const { code, out } = await axle('status', '--json', '--config', spoke);
    expect(JSON.parse(out)).toMatchObject({ site: 'roflfaucet', role: 'spoke', isReady: true });
    expect(code).toBe(0);
  });

  it('ends with 1 where something is held, and says how to see it', async () => {
    const rofl = lab.site('roflfaucet');
    rofl.write('balances/1-andy', { balance: 0 });
    await lab.until('it is held', () => rofl.store.countHeld() === 1);
    const { code, out } = await axle('status', '--config', spoke);
    expect(out).toContain(`axle held list --config ${spoke}`);
    expect(code).toBe(1);
    await axle('held', 'reject', '--all', '--config', spoke);
    await lab.balance('balances/1-andy', 5);
  });

  it('--watch shows it again and again, over a stop of the daemon, until it is told to end', async () => {
    const seen: string[] = [];
    const write = process.stdout.write;
    process.stdout.write = ((text: string) => seen.push(String(text)) > 0) as typeof write;
    try {
      const done = runProgram(buildProgram(), ['node', 'axle', 'status', '--watch', '--interval', '0.1', '-c', spoke]);
      await lab.until('it was shown twice', () => seen.filter((text) => text.includes('ready')).length > 1);
      await lab.site('roflfaucet').stop();
      await lab.until('it was shown to be away', () => seen.some((text) => text.includes('AXL-NOT-RUNNING')));
      await lab.site('roflfaucet').start();
      seen.length = 0;
      await lab.until('it was shown again', () => seen.some((text) => text.includes('ready')));
      process.emit('SIGINT');
      expect([0, 1]).toContain(await done);
    } finally {
      process.stdout.write = write;
      process.exitCode = undefined;
    }
  });

  it('ends with 2 where no daemon runs, and says how to start it', async () => {
    await lab.site('roflfaucet').stop();
    const { code, err } = await axle('status', '--config', spoke);
    expect(code).toBe(2);
    expect(err).toContain(`axle spoke --config ${spoke}`);
  });

  it('names a peer that is away with the reason and the remedy', () => {
    const status: SiteStatus = {
      ...lab.hub.site.status(),
      peers: [
        {
          site: 'roflfaucet',
          isUp: false,
          behind: 12_345,
          heard_ms_ago: 130_000,
          failure: { code: 'key-refused', message: 'Permission denied\u001b[2J', hint: 'Put the key there.' },
        },
      ],
      troubles: [{ step: 'absorb', code: 'AXL-DISK-FULL', reason: 'ENOSPC', hint: 'free space' }],
    };
    const text = textOf(status, 'hub.yaml', painter(false));
    expect(text).toContain('roflfaucet  away  10,000 or more  2 min ago');
    expect(text).toContain('key-refused roflfaucet: Permission denied?[2J\n  → Put the key there.');
    expect(text).toContain('AXL-DISK-FULL at absorb: ENOSPC\n  → free space');
  });

  it('tells of a peer that takes batches and says nothing, and ends with 1', () => {
    const peer = { site: 'roflfaucet', isUp: true, behind: 1, heard_ms_ago: 300_000, unanswered_ms: 10 };
    const status: SiteStatus = { ...lab.hub.site.status(), held: 0, peers: [peer] };
    expect([textOf(status, 'hub.yaml', painter(false)), exitCodeOf(status)]).toEqual([
      expect.stringContaining('roflfaucet  up  1'),
      0,
    ]);
    const late = { ...status, peers: [{ ...peer, unanswered_ms: 31_000 }] };
    expect([textOf(late, 'hub.yaml', painter(false)), exitCodeOf(late)]).toEqual([
      expect.stringMatching(
        /roflfaucet {2}does not answer {2}1 (?:.|\n)*roflfaucet takes batches .*\n {2}→ is its daemon/,
      ),
      1,
    ]);
  });
});
