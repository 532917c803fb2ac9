/** Profiles as documents: what one shows, and what a merge patch makes of it. */
import { readContent } from '../common/core/content.js';
import { diff } from '../common/core/diff.js';
import { compactText, type Json, type JsonObject } from '../common/core/json.js';
import { mergePatch } from '../common/core/merge-patch.js';
import { pathKeys } from '../common/core/policy.js';
import { render } from '../common/core/render.js';
import type { DocState } from '../common/core/state.js';
import { PHP_PRETTY, printJson } from '../common/core/style.js';
import type { Replica } from '../common/replica/replica.js';
import { ApiError } from './errors.js';

export const PROFILES = 'profiles';

/** Undefined where there is none, or it was deleted. */
export function profileOf(replica: Replica, document: string, state: DocState): JsonObject | undefined {
  const view = render(state, replica.ruleOf(document));
  return view?.kind === 'json' && view.value.kind === 'object' ? view.value : undefined;
}

/**
 * What pages can write into a profile comes to so many bytes of its state at most. A key that was removed counts on: its
 * tombstone is kept for good.
 */
const WRITABLE_BYTES_MAX = 64 * 1024;

/** The state with the patch as a change of this site. Throws ApiError where that can be no profile, or outgrows its limits. */
export function patched(
  replica: Replica,
  document: string,
  state: DocState,
  patch: Json,
  fields: readonly string[],
): DocState {
  const policies = replica.policiesOf(document);
  const before = profileOf(replica, document, state);
  const live = readContent(compactText(mergePatch(before, patch)), policies);
  if (live.kind === 'invalid') throw new ApiError('bad_request', live.reason);
  if (live.kind !== 'json') throw new ApiError('bad_request', 'a profile is a JSON object');
  const author = { replica: replica.author, stamp: replica.stamps.next(replica.world.now()) };
  const shadow = before && ({ kind: 'json', value: before } as const);
  const after = diff(state, shadow, live, state.form?.[0].style ?? PHP_PRETTY, policies, author);
  const { maxFileBytes } = replica.world.files.options;
  if (outgrows(shownBytes(before), shownBytes(profileOf(replica, document, after)), maxFileBytes))
    throw new ApiError('payload_too_large', 'this profile would be larger than a file may be');
  if (outgrows(writableBytes(state, fields), writableBytes(after, fields), WRITABLE_BYTES_MAX))
    throw new ApiError('payload_too_large', 'this profile would hold too much, removed keys included');
  return after;
}

/** What is too large already may be changed and made smaller. */
function outgrows(before: number, after: number, max: number): boolean {
  return after > max && after > before;
}

/** Of the file as PHP prints it, on whichever site: no other style in use is longer. */
function shownBytes(profile: JsonObject | undefined): number {
  return profile === undefined ? 0 : Buffer.byteLength(printJson(profile, PHP_PRETTY));
}

/** Plain values, which also the site's own pages write as their users please, and everything below the users' fields. */
function writableBytes({ registers, counters, sets, logs, max }: DocState, fields: readonly string[]): number {
  const others = [counters, sets, logs, max].flatMap((part) => Object.entries<unknown>(part ?? {}));
  const isWritable = ([path]: readonly [string, unknown]): boolean => fields.includes(pathKeys(path)[0] ?? '');
  return Buffer.byteLength(JSON.stringify([registers, others.filter(isWritable)]));
}
