/** Whatsminer's API 3: JSON both ways, each with its length in front, four bytes, the lowest first. */
import { AnswerTooLongError } from './errors.js';
import { exchange } from './exchange.js';
import type { Limits } from './network-device.js';

const HEAD = 4;

export async function askWhatsminer(
  address: string,
  port: number,
  question: { readonly cmd: string; readonly param?: string },
  limits: Limits,
): Promise<string> {
  const body = Buffer.from(JSON.stringify(question));
  const head = Buffer.alloc(HEAD);
  head.writeUInt32LE(body.length);
  const answer = await exchange(address, port, Buffer.concat([head, body]), limits, (soFar) => {
    if (soFar.length < HEAD) return false;
    const length = soFar.readUInt32LE(0);
    // The bytes that are awaited are as much under the limit as those that have come.
    if (length > limits.bytes_max) return true;
    return soFar.length >= HEAD + length;
  });
  if (answer.length < HEAD) return '';
  const length = answer.readUInt32LE(0);
  if (length > limits.bytes_max)
    throw new AnswerTooLongError(`${address}:${port} does not speak as a Whatsminer (or announces ${length} bytes)`);
  return answer.subarray(HEAD, HEAD + length).toString('utf8');
}
