/** What a live file's text is, by the rules of its kind. */
import { type Json, parseJson } from './json.js';
import type { PathPolicies } from './policy.js';

export type Content =
  | { readonly kind: 'json'; readonly value: Json }
  | { readonly kind: 'text'; readonly text: string }
  /** Torn, empty, no JSON, or no object where amounts are counted: never a change. */
  | { readonly kind: 'invalid'; readonly reason: string };

export function readContent(text: string, policies: PathPolicies): Content {
  const value = parseJson(text);
  if (value !== undefined) {
    if (value.kind === 'object') return { kind: 'json', value };
    if (value.kind === 'array' && policies.of('') === 'log') return { kind: 'json', value };
    if (policies.counts) return { kind: 'invalid', reason: 'a JSON object is expected' };
    return { kind: 'text', text };
  }
  if (policies.kind.format === 'text' && text !== '') return { kind: 'text', text };
  return { kind: 'invalid', reason: text.trim() === '' ? 'the file is empty' : 'the file is not valid JSON' };
}
