import { fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLog, isJournal, type LogFormat } from './log.js';
import { type Entry, renderJournal, renderJson, renderLine } from './log-line.js';

const time = new Date('2026-01-02T03:04:05.006Z');
const entry = (fields: Entry['fields'], event = 'materialised'): Entry => ({ time, level: 'warn', event, fields });

describe('a line', () => {
  it('reads document, event, fields', () => {
    const fields = { document: 'balances/1-andy', from: 'roflfaucet', ms: 38, seq: 12, late: undefined };
    expect(renderLine(entry(fields))).toBe('balances/1-andy materialised from=roflfaucet ms=38 seq=12');
  });

  it('quotes a value only where it must', () => {
    const line = renderLine(
      entry({ path: '/var/x-data/a.txt', name: 'Jörg', reason: 'no such file', empty: '', is: 'a=b' }),
    );
    expect(line).toBe('materialised path=/var/x-data/a.txt name=Jörg reason="no such file" empty="" is="a=b"');
  });

  it('ends with the hint, after the code', () => {
    const line = renderLine(entry({ document: 'balances/1-andy', hint: 'look at the file', code: 'AXL-TORN' }, 'torn'));
    expect(line).toBe('balances/1-andy torn code=AXL-TORN — look at the file');
  });

  it.each([
    ['a line feed', '1-a\n<3>forged', '\\n'],
    ['a carriage return', '1-a\rforged', '\\r'],
    ['an escape sequence', '1-a\u001b[2Jforged', '\\u001b'],
    ['a C1 control', '1-a\u009bforged', '\\u009b'],
    ['a line separator', '1-a\u2028forged', '\\u2028'],
    ['a turned direction', '1-a\u202eforged', '\\u202e'],
  ])('%s in a name, an event or a hint stays inside the line', (_name, text, escaped) => {
    for (const fields of [{ document: text }, { user: text }]) {
      expect(renderLine(entry(fields))).toContain(escaped);
      expect(renderLine(entry(fields))).not.toContain(text);
    }
    expect(renderLine(entry({ hint: text }))).not.toContain(text);
    expect(renderLine(entry({}, text))).not.toContain(text);
  });

  it('as JSON keeps time, level and event, whatever the fields are called', () => {
    const line = renderJson(entry({ level: 'info', time: 'never', event: 'forged', ms: 3 }));
    expect(line).toBe('{"time":"2026-01-02T03:04:05.006Z","level":"warn","event":"materialised","ms":3}');
  });

  it('for journald begins with its priority', () => {
    expect(renderJournal(entry({}))).toBe('<4>materialised');
  });
});

async function logged(format: LogFormat, options: { file?: string; level?: 'info' | 'debug' } = {}): Promise<string> {
  const stream = new PassThrough();
  const log = createLog({ format, level: 'info', ...options, stream, now: () => time });
  log.debug('looked', { document: 'balances/1-andy' });
  log.info('absorbed', { document: 'balances/1-andy', seq: 3 });
  log.error('broken');
  await log.close();
  return String(stream.read() ?? '');
}

describe('a log', () => {
  it('writes from another level up when it is told so, in its file as well', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'axle-log-'));
    const stream = new PassThrough();
    const file = join(dir, 'sync-daemon.log');
    const log = createLog({ format: 'journal', level: 'info', file, stream });
    log.debug('unheard');
    log.setLevel('debug');
    log.debug('heard');
    log.setLevel('error');
    log.warn('unheard');
    await log.close();
    expect(String(stream.read())).toBe('<7>heard\n');
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(1);
    rmSync(dir, { recursive: true });
  });

  it('writes each format, from its level up', async () => {
    expect(await logged('journal')).toBe('<6>balances/1-andy absorbed seq=3\n<3>broken\n');
    expect(await logged('journal', { level: 'debug' })).toContain('<7>balances/1-andy looked\n');
    expect(await logged('json')).toContain('"event":"absorbed","document":"balances/1-andy","seq":3}\n');
    expect(await logged('auto')).toMatch(/^\d\d:04:05\.006 info {2}balances\/1-andy absorbed seq=3\n/);
  });

  it('writes the same to its file, and makes the folder', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'axle-log-'));
    const file = join(dir, 'logs/sync-daemon.log');
    await logged('json', { file });
    await expect
      .poll(() => readFileSync(file, 'utf8'))
      .toBe('2026-01-02T03:04:05.006Z info  balances/1-andy absorbed seq=3\n2026-01-02T03:04:05.006Z error broken\n');
    rmSync(dir, { recursive: true });
  });

  it('goes on without a file that cannot be written, and says so', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'axle-log-'));
    writeFileSync(join(dir, 'plain'), '');
    const stream = new PassThrough();
    const log = createLog({ format: 'journal', level: 'info', file: join(dir, 'plain/sync-daemon.log'), stream });
    log.info('absorbed');
    let out = '';
    await expect.poll(() => (out += stream.read() ?? '')).toContain('<4>log file cannot be written');
    log.info('still here');
    await log.close();
    out += stream.read() ?? '';
    expect(out).toContain('<6>absorbed');
    expect(out).toContain('code=AXL-LOG-FILE');
    expect(out).toContain('<6>still here');
    rmSync(dir, { recursive: true });
  });
});

it('the journal is recognised by device and inode, not by an inherited variable', () => {
  const fd = openSync(tmpdir(), 'r');
  const { dev, ino } = fstatSync(fd);
  expect(isJournal({ fd }, { JOURNAL_STREAM: `${dev}:${ino}` })).toBe(true);
  expect(isJournal({ fd }, { JOURNAL_STREAM: `${dev}:${ino + 1}` })).toBe(false);
  expect(isJournal({ fd }, {})).toBe(false);
});
