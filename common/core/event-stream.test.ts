import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventParser } from './event-stream.js';

const STREAM =
  'retry: 2000\n\nid: b-7\nevent: balance\ndata: {"user":"1-andy",\ndata: "balance":"3"}\n\n: still here\n\ndata:x\r\n\r\nid\ndata\n\n';
const EVENTS = [
  { id: 'b-7', event: 'balance', data: '{"user":"1-andy",\n"balance":"3"}' },
  { id: 'b-7', event: 'message', data: 'x' },
  { id: '', event: 'message', data: '' },
];

describe('an event stream', () => {
  it('is the same in whatever pieces it comes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(STREAM.length), { maxLength: 20 }), (cuts) => {
        const ends = [...new Set([...cuts, STREAM.length])].sort((a, b) => a - b);
        const parser = new EventParser();
        const events = ends.flatMap((end, index) => parser.push(STREAM.slice(ends[index - 1] ?? 0, end)));
        expect(events).toEqual(EVENTS);
      }),
    );
  });

  it('that never ends a line is given up', () => {
    const parser = new EventParser();
    expect(() => parser.push('x'.repeat(300_000))).toThrow(/too long/);
  });
});
