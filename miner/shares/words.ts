/** Names as the sites' `POST /v1/miner-credits` takes them. */
import { createHash } from 'node:crypto';

const WORD = /^[\x21-\x7e]{1,64}$/;
const LENGTH_MAX = 64;
const USER = /^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$/;

/** 1 to 64 visible ASCII characters; another text becomes such a one, always the same and different ones differently. */
export function wordOf(text: string): string {
  if (WORD.test(text)) return text;
  const encoded = Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[^\x21-\x24\x26-\x7e]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
  if (WORD.test(encoded)) return encoded;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return `${encoded.slice(0, LENGTH_MAX - digest.length - 1)}~${digest}`;
}

/** As works have it: a worker's name at its pool, or a miner's MAC however it is spelled. */
export function workerNameOf(text: string): string {
  return wordOf(macOf(text));
}

/** A MAC as a `worker_key` has it; another text as it is. */
export function macOf(text: string): string {
  return /^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i.test(text) ? text.toLowerCase().replaceAll('-', ':') : text;
}

export function isUser(text: string): boolean {
  return USER.test(text);
}
