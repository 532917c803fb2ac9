import { ownPart } from '../core/authority.js';
import { documentLine } from '../core/batch.js';
import { canonicalText } from '../core/canonical.js';
import type { Replica } from '../replica/replica.js';
import type { DocumentRow } from '../replica/store.js';

/** A document as a line of a batch: all that is known of it (`whole`), or what this site contributed. */
export function rowLine(replica: Replica, row: DocumentRow, whole: boolean): string {
  const state = whole ? row.state : canonicalText(ownPart(replica.stateOf(row), replica.world.site));
  return documentLine(row.name, state, row.at, row.by_site);
}
