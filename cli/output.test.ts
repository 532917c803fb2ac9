import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { outliveReaders } from './output.js';

const broken = (code: string) => Object.assign(new Error(`write ${code}`), { code });
let told = '';
let streams: [EventEmitter, EventEmitter];

beforeEach(() => {
  told = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    told += String(text);
    return true;
  });
  streams = [new EventEmitter(), new EventEmitter()];
  outliveReaders(...streams);
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

it('says nothing of a reader that has gone, and goes on', () => {
  for (const stream of streams) for (let line = 0; line < 3; line += 1) stream.emit('error', broken('EPIPE'));
  expect(told).toBe('');
  expect(process.exitCode).toBeUndefined();
});

it('says once that the output is lost for another reason', () => {
  for (let line = 0; line < 3; line += 1) streams[0].emit('error', broken('ENOSPC'));
  expect(told).toBe('the output cannot be written: write ENOSPC\n');
  expect(process.exitCode).toBe(1);
});
