/** JSON merge patch (RFC 7396): objects are merged key by key, null removes a key, everything else replaces. */
import type { Json } from './json.js';

export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (patch.kind !== 'object') return patch;
  const entries = new Map(target?.kind === 'object' ? target.entries : []);
  for (const [key, value] of patch.entries) {
    if (value.kind === 'scalar' && value.text === 'null') entries.delete(key);
    else entries.set(key, mergePatch(entries.get(key), value));
  }
  return { kind: 'object', entries };
}
