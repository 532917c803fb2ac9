/** Puts questions to one device, one after the other: some models (Avalon) must never be asked two things at once. */

import type { Replies } from '../adapters/replies.js';
import type { Json } from '../adapters/tolerant-json.js';
import { parseTolerant } from '../adapters/tolerant-json.js';
import { DeviceSilentError } from './errors.js';

/**
 * The answers that hold JSON. One question that fails costs its own answer only; after a device has let two time limits
 * (`silences_max`) pass it is left alone. Throws what the first question failed with if nothing was answered.
 */
export async function ask(
  questions: Readonly<Record<string, () => Promise<string>>>,
  silences_max = 2,
): Promise<Replies> {
  const replies: Record<string, Json> = {};
  let failure: unknown;
  let silences = 0;
  for (const [name, question] of Object.entries(questions)) {
    try {
      const value = parseTolerant(await question());
      if (value !== undefined) replies[name] = value;
    } catch (error) {
      failure ??= error;
      if (error instanceof DeviceSilentError) silences += 1;
      if (silences >= silences_max) break;
    }
  }
  if (Object.keys(replies).length === 0) throw failure ?? new Error('no answer holds JSON');
  return replies;
}
