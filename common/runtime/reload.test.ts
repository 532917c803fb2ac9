import { describe, expect, it } from 'vitest';
import { parseSpokeConfig, type SpokeConfig } from './config.js';
import type { Fields, Log } from './log.js';
import { reloadConfig, takeLive } from './reload.js';

function config(more = ''): SpokeConfig {
  const text = `site: roflfaucet
userdata: /var/roflfaucet-data/userdata
hub: { site: directsponsor, link: { type: ssh, host: hub.example.org } }
${more}`;
  return parseSpokeConfig(text, 'spoke.yaml');
}

describe('of a changed config', () => {
  it('what can change while it runs is taken in place', () => {
    const running = config('sidecar: { sources: { faucet: { amount: 20, total: 100 } } }');
    const { sidecar } = running;
    const limits = sidecar?.limits;
    const next = config(`log_level: debug
guards: { zero: false, burst_documents: 500 }
sidecar: { sources: { slots: { amount: 5, total: 50 } }, limits: { service_per_minute: 7 } }`);
    expect(takeLive(running, next)).toEqual({
      taken: [
        'guards.burst_documents',
        'guards.zero',
        'log_level',
        'sidecar.limits.service_per_minute',
        'sidecar.sources',
      ],
      waiting: [],
    });
    expect(running).toEqual(next);
    // Whoever holds a part of it sees the change.
    expect(running.sidecar).toBe(sidecar);
    expect(limits?.service_per_minute).toBe(7);
  });

  it('what is built into what runs waits, and is named again until it is restarted', () => {
    const running = config();
    const text = `scan_interval_s: 60
log_level: warn
sidecar: { cors: [ "https://example.org" ] }
kinds: { "balances": { paths: { "stats.*": counter } } }`;
    const { taken, waiting } = takeLive(running, config(text));
    expect(taken).toEqual(['log_level']);
    expect(waiting).toEqual(['kinds.balances', 'scan_interval_s', 'sidecar']);
    expect(running.scan_interval_s).toBe(300);
    expect(takeLive(running, config(text))).toMatchObject({ taken: [], waiting: expect.arrayContaining(['sidecar']) });
  });

  it('a peer that is reached elsewhere waits', () => {
    const next = config();
    Object.assign(next.hub.link, { host: 'other.example.org' });
    expect(takeLive(config(), next)).toEqual({ taken: [], waiting: ['hub.link.host'] });
  });
});

describe('a reload', () => {
  const reload = (load: () => SpokeConfig, running = config()) => {
    const lines: string[] = [];
    const write = (event: string, fields: Fields = {}) =>
      void lines.push([event, ...Object.values(fields)].join(' | '));
    const log: Log = { error: write, warn: write, info: write, debug: write };
    let taken = 0;
    const status = reloadConfig(running, load, log, () => {
      taken += 1;
    });
    return { lines, taken, status, running };
  };

  it('takes what it can and names the rest', () => {
    const { lines, taken, status } = reload(() => config('log_level: debug\nrights_idle_s: 5'));
    expect(taken).toBe(1);
    expect(status).toBe('restart for rights_idle_s');
    expect(lines[0]).toBe('config reloaded | log_level');
    expect(lines[1]).toMatch(/^config needs a restart \| rights_idle_s \| AXL-RESTART/);
  });

  it('of a config with mistakes changes nothing and names each', () => {
    const { lines, taken, status, running } = reload(() => config('log_level: loud\nscan_interval_s: 0'));
    expect(taken).toBe(0);
    expect(running).toEqual(config());
    expect(status).toBe('config refused, the one from before goes on');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/config mistake \| AXL-CONFIG \| spoke.yaml:4: log_level: must be one of/);
    expect(lines[2]).toMatch(/^config refused \| 2/);
  });

  it('whose file cannot even be read changes nothing', () => {
    const { status } = reload(() => {
      throw new Error('EIO');
    });
    expect(status).toMatch(/^config refused/);
  });

  it('of the same config says so', () => {
    const { lines, taken, status } = reload(() => config());
    expect([lines, taken, status]).toEqual([['config reloaded | nothing'], 0, undefined]);
  });
});
