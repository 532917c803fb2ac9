/** The cgminer protocol: one JSON question a connection; the answer ends with NUL, or a newline, or the connection. */
import { exchange } from './exchange.js';
import type { Limits } from './network-device.js';

export async function askRpc(
  address: string,
  port: number,
  question: { readonly command: string; readonly parameter?: string },
  limits: Limits,
): Promise<string> {
  const answer = await exchange(address, port, Buffer.from(JSON.stringify(question)), limits, isWhole);
  const end = answer.indexOf(0);
  return answer.subarray(0, end < 0 ? answer.length : end).toString('utf8');
}

/** Some forks keep the connection open and send no NUL: then a value that is complete is the end. */
function isWhole(answer: Buffer): boolean {
  if (answer.includes(0)) return true;
  try {
    JSON.parse(answer.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}
