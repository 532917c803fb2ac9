/**
 * The port between the sync logic and whatever carries its batches: one opaque file from this site's outbox into the
 * peer's inbox. A transport knows nothing of cursors or documents, and "delivered" means only "the whole file is in the
 * peer's inbox": the peer's own confirmation, which travels in its batches, is what moves a cursor.
 *
 * A batch may arrive twice (an attempt that looked failed and was not). The receiver's merge is idempotent.
 */

/** A failed transfer as a value. `code` is stable and for programs; `message` says what happened, `hint` what to do. */
export type Failure = {
  readonly ok: false;
  /** True: trying again may help without anybody's action. False: a person must act; try at the slowest interval only. */
  readonly retry: boolean;
  /** Kebab-case, one of `FailureCode` in rsync-exit.ts for the rsync transports. */
  readonly code: string;
  readonly message: string;
  readonly hint: string;
};

/** `ms` is the time from the call of `deliver` to the peer's word that the file is in place. */
export type Delivery = { readonly ok: true; readonly ms: number } | Failure;

/** What a batch covers: changes in (from, to], and how many documents it carries. */
export type Cover = { readonly from: number; readonly to: number; readonly documents: number };

export interface Transport {
  /**
   * Carries one finished batch file (a plain name inside the outbox folder) to the peer's inbox. Never throws for a
   * failed transfer: failures are values. Never changes or removes the outbox file. Bounded in time.
   */
  deliver(name: string, signal: AbortSignal | undefined, cover: Cover): Promise<Delivery>;
  /** Optional: the peer has confirmed everything up to this sequence number. */
  confirmed?(seq: number): void;
  /** Optional: make ready for the next delivery (warm process). Cheap to call often. */
  warm?(): void;
  /** Stops everything it started. Deliveries under way fail with `stopped`. */
  close(): Promise<void>;
}

/** Names are sorted. A file named here is whole and durable in the local inbox. */
export type Fetched = { readonly ok: true; readonly names: string[] } | Failure;

/** Pull mode: for a spoke that its hub cannot reach. */
export interface Fetcher {
  /** Fetches batches not yet seen from the peer's outbox module into the local inbox folder. Never deletes there. */
  fetch(alreadySeen: readonly string[], signal?: AbortSignal): Promise<Fetched>;
  close(): Promise<void>;
}

/** Milliseconds; only differences are used. */
export type Clock = { now(): number };

export function failure(code: string, retry: boolean, message: string, hint: string): Failure {
  return { ok: false, retry, code, message, hint };
}
