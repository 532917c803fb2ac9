import { describe, expect, it } from 'vitest';
import { painter } from '../paint.js';
import { Bursts, type Group, WINDOW_MS } from './bursts.js';
import { type DemoEvent, parseEvent } from './event.js';
import { demoSites, typed } from './layout.js';
import { describeGroup, welcome } from './show.js';

const plain = painter(false);
const PAGES = {
  status: 'http://127.0.0.1:8400',
  sites: new Map([
    ['roflfaucet', 'http://127.0.0.1:8401'],
    ['clickforcharity', 'http://127.0.0.1:8402'],
  ]),
};
const time = new Date(2026, 0, 2, 14, 2, 11);

function event(fields: Record<string, unknown>, site = 'clickforcharity'): DemoEvent {
  const parsed = parseEvent(JSON.stringify({ level: 'info', ...fields }), site);
  if (parsed === undefined) throw new Error('no event');
  return parsed;
}

function line(...events: [DemoEvent, ...DemoEvent[]]): string | undefined {
  const [first, ...rest] = events;
  return describeGroup([{ time, event: first }, ...rest.map((event) => ({ time, event }))], plain);
}

const arrived = { event: 'materialised', document: 'balances/test-999', from: 'roflfaucet', ms: 38.4 };

describe('an event is one line', () => {
  it.each([
    [{ event: 'absorbed', document: 'balances/test-999' }, 'balances/test-999         clickforcharity changed it'],
    [arrived, 'balances/test-999         roflfaucet → clickforcharity  38 ms'],
    [{ ...arrived, event: 'removed' }, 'balances/test-999         roflfaucet → clickforcharity  38 ms  removed'],
    [{ event: 'removed', document: 'tokens/1-a' }, 'tokens/1-a                clickforcharity removed it'],
  ])('%o', (fields, text) => {
    expect(line(event(fields))).toBe(`14:02:11  ${text}`);
  });

  it('many documents are one line, with the slowest', () => {
    expect(line(event(arrived), event({ ...arrived, ms: 2512 }))).toBe(
      '14:02:11  2 documents               roflfaucet → clickforcharity  ≤ 2,512 ms',
    );
  });

  it('what a spectator need not see is left out', () => {
    expect(line(event({ event: 'sent', to: 'directsponsor' }))).toBeUndefined();
  });

  it('a warning shows its code, and its hint below, within 80 columns', () => {
    const hint = 'the document stays as it is everywhere; repair or remove the file that cannot be read as JSON';
    const fields = { level: 'warn', event: 'torn', document: 'balances/1-a', code: 'AXL-TORN', reason: 'no end', hint };
    const text = line(event(fields)) ?? '';
    expect(text).toContain(
      '14:02:11  clickforcharity: balances/1-a torn: no end AXL-TORN\n          the document stays',
    );
    for (const row of text.split('\n')) expect(row.length).toBeLessThanOrEqual(80);
  });

  it('a name cannot move the cursor', () => {
    expect(line(event({ ...arrived, document: 'balances/\u001b[2Jx' }))).toContain('balances/?[2Jx');
  });

  it('what is no log entry is nobody’s event', () => {
    for (const text of ['', 'Segmentation fault', '[]', 'null', '{"event":1,"level":"info"}']) {
      expect(parseEvent(text, 'x'), text).toBeUndefined();
    }
  });
});

describe('bursts', () => {
  async function gathered(documents: number): Promise<Group[]> {
    const shown: Group[] = [];
    const bursts = new Bursts(
      (groups) => shown.push(...groups),
      () => time,
    );
    for (let index = 0; index < documents; index += 1) bursts.add(event({ ...arrived, document: `balances/${index}` }));
    await expect.poll(() => shown.length, { timeout: WINDOW_MS * 5 }).toBeGreaterThan(0);
    return shown;
  }

  it('shows up to twenty one by one, more as one', async () => {
    expect(await gathered(20)).toHaveLength(20);
    expect((await gathered(21)).map((group) => group.length)).toEqual([21]);
  });
});

describe('the welcome', () => {
  it('holds the exact line to type, as seen from the current folder', () => {
    const text = welcome(demoSites('/home/andy/.axle-demo'), PAGES, plain, '/home/andy');
    expect(text).toContain(
      `  echo '{"user_id": "999-test", "balance": 5000}' > .axle-demo/roflfaucet-data/userdata/balances/test-999.txt\n`,
    );
    expect(text).toContain('\n  http://127.0.0.1:8400/  how the hub is');
    expect(text).toContain('  directsponsor    hub    .axle-demo/directsponsor-data/userdata\n');
  });

  it('has colours only where they are wanted', () => {
    expect(welcome(demoSites('/d'), { sites: new Map() }, plain)).not.toContain('\u001b');
    expect(welcome(demoSites('/d'), { sites: new Map() }, painter(true))).toContain('\u001b[1m');
  });

  it('quotes a path for the shell', () => {
    expect(typed('/home/andy/my demo/x', '/home/andy')).toBe("'my demo/x'");
    expect(typed("/it's", '/somewhere/deep/below')).toBe("'/it'\\''s'");
    expect(typed('/home/andy/-rf', '/home/andy')).toBe("'-rf'");
    expect(typed('/x', '/a/b/c/d')).toBe('/x');
  });
});
