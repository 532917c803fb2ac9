/** One question and one answer over a TCP connection of their own, which is closed whatever happens. */
import { createConnection } from 'node:net';
import { AnswerTooLongError, DeviceSilentError, DeviceUnreachableError } from './errors.js';
import type { Limits } from './network-device.js';

/**
 * `isWhole` looks at all that has come so far. What has come when the time is up or the connection breaks is the answer
 * as well: readers drop what it was cut in.
 */
export function exchange(
  address: string,
  port: number,
  question: Uint8Array,
  limits: Limits,
  isWhole: (answer: Buffer) => boolean,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let connected = false;
    const socket = createConnection({
      host: address,
      port,
      onread: { buffer: RECEIVED, callback: (count) => receive(Buffer.from(RECEIVED.subarray(0, count))) },
      ...(limits.signal ? { signal: limits.signal } : {}),
    });
    const where = `${address}:${port}`;

    const finish = (error?: Error) => {
      clearTimeout(timer);
      socket.destroy();
      if (length > 0 && !(error instanceof AnswerTooLongError)) resolve(Buffer.concat(chunks));
      else reject(error ?? new DeviceUnreachableError(`${where} closed the connection without an answer`));
    };
    let timer = setTimeout(() => finish(new DeviceSilentError(`${where} took no connection`)), limits.connect_ms);

    socket.on('connect', () => {
      connected = true;
      clearTimeout(timer);
      timer = setTimeout(() => finish(new DeviceSilentError(`${where} does not answer`)), limits.answer_ms);
      socket.write(question);
    });
    const receive = (chunk: Buffer): boolean => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > limits.bytes_max)
        finish(new AnswerTooLongError(`${where} sends more than ${limits.bytes_max} bytes`));
      else if (mayEnd(chunk) && isWhole(Buffer.concat(chunks))) finish();
      return true;
    };
    socket.on('end', () => finish());
    socket.on('error', (cause) => {
      const what = connected ? 'broke the connection' : 'takes no connection';
      finish(new DeviceUnreachableError(`${where} ${what}: ${cause.message}`, { cause }));
    });
    socket.on('close', () => finish());
  });
}

/**
 * Into which all connections receive, one after the other: each takes its own out at once. Without it every connection gets
 * 64 KiB of its own for an answer of two.
 */
const RECEIVED = Buffer.alloc(64 * 1_024);

/** Only after these bytes is the whole answer looked at, so that a long one in many pieces is not read again and again. */
function mayEnd(chunk: Buffer): boolean {
  if (chunk.includes(0)) return true;
  const last = chunk[chunk.length - 1];
  return last === 0x7d || last === 0x0a || last === 0x0d || last === 0x5d;
}
