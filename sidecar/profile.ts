/** Profiles as documents: what one shows, and what a merge patch makes of it. */
import { readContent } from '../common/core/content.js';
import { diff } from '../common/core/diff.js';
import { compactText, type Json, type JsonObject } from '../common/core/json.js';
import { mergePatch } from '../common/core/merge-patch.js';
import { render } from '../common/core/render.js';
import type { DocState } from '../common/core/state.js';
import { PHP_PRETTY } from '../common/core/style.js';
import type { Replica } from '../common/replica/replica.js';
import { ApiError } from './errors.js';

export const PROFILES = 'profiles';

/** Undefined where there is none, or it was deleted. */
export function profileOf(replica: Replica, document: string, state: DocState): JsonObject | undefined {
  const view = render(state, replica.ruleOf(document));
  return view?.kind === 'json' && view.value.kind === 'object' ? view.value : undefined;
}

/** The state with the patch as a change of this site. Throws ApiError where that can be no profile. */
export function patched(replica: Replica, document: string, state: DocState, patch: Json): DocState {
  const policies = replica.policiesOf(document);
  const before = profileOf(replica, document, state);
  const live = readContent(compactText(mergePatch(before, patch)), policies);
  if (live.kind === 'invalid') throw new ApiError('bad_request', live.reason);
  if (live.kind !== 'json') throw new ApiError('bad_request', 'a profile is a JSON object');
  const author = { replica: replica.author, stamp: replica.stamps.next(replica.world.now()) };
  const shadow = before && ({ kind: 'json', value: before } as const);
  return diff(state, shadow, live, state.form?.[0].style ?? PHP_PRETTY, policies, author);
}
