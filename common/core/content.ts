/** What a live file's text is, by the rules of its kind. */
import { type Json, parseJson } from './json.js';
import { childPath, PATH_DEPTH_MAX, PATH_LENGTH_MAX, type PathPolicies } from './policy.js';

export type Content =
  | { readonly kind: 'json'; readonly value: Json }
  | { readonly kind: 'text'; readonly text: string }
  /** Torn, empty, no JSON, beyond the limits, or no object where amounts are counted: never a change. */
  | { readonly kind: 'invalid'; readonly reason: string };

/** What can be a document. */
export type Valid = Exclude<Content, { kind: 'invalid' }>;

/** Values in one file. No site's file comes near; what is refused here never becomes a state that a peer must refuse. */
export const VALUES_MAX = 20_000;

export function readContent(text: string, policies: PathPolicies): Content {
  const value = parseJson(text);
  if (value !== undefined) {
    if (value.kind === 'object' || (value.kind === 'array' && policies.of('') === 'log')) {
      const reason = beyondLimits(value, text.length);
      return reason === undefined ? { kind: 'json', value } : { kind: 'invalid', reason };
    }
    if (policies.counts) return { kind: 'invalid', reason: 'a JSON object is expected' };
    return { kind: 'text', text };
  }
  // Where amounts are counted a text would hide them: a torn file stays a torn file.
  if (policies.kind.format === 'text' && !policies.counts && text !== '') return { kind: 'text', text };
  return { kind: 'invalid', reason: text.trim() === '' ? 'the file is empty' : 'the file is not valid JSON' };
}

function beyondLimits(document: Json, size: number): string | undefined {
  // Too short to hold a long path (an escape at most doubles a key) or many values.
  if (size <= PATH_LENGTH_MAX / 2) return undefined;
  let values = 0;
  let hasLongPath = false;
  const walk = (value: Json, path: string, depth: number): void => {
    values += 1;
    if (value.kind === 'array') for (const item of value.items) walk(item, '', PATH_DEPTH_MAX);
    if (value.kind !== 'object') return;
    for (const [key, item] of value.entries) {
      const below = depth < PATH_DEPTH_MAX ? childPath(path, key) : '';
      if (below.length > PATH_LENGTH_MAX) hasLongPath = true;
      walk(item, below, depth + 1);
    }
  };
  walk(document, '', 0);
  if (values > VALUES_MAX) return `more than ${VALUES_MAX} values`;
  return hasLongPath ? `a key longer than ${PATH_LENGTH_MAX} characters` : undefined;
}
