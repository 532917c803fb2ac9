/** What the sidecar needs of the site in whose process it runs. `Site` is one. */

import type { DocState } from '../common/core/state.js';
import type { Change, Changed } from '../common/replica/ledger.js';
import type { Replica } from '../common/replica/replica.js';
import type { DocumentRow } from '../common/replica/store.js';

export interface Books {
  readonly isReady: boolean;
  /** Only once ready. */
  readonly replica: Replica;
  /** Resolves once it is on disk or refused. Rejects with BadChange, OutOfUse, Unread, or AXL-NOT-READY. */
  change(change: Change): Promise<Changed>;
  /**
   * The document with everything absorbed that stands in its live file; undefined where nothing is known of it. Rejects with
   * OutOfUse while it is being rebuilt.
   */
  read(document: string): Promise<DocumentRow | undefined>;
  /** Replaces a document's state by what `edit` makes of it; resolves once that is on disk. */
  edit(document: string, edit: (state: DocState) => DocState): Promise<void>;
}
