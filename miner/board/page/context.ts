/** What every view works with. */
import type { Api } from './api.js';
import type { BoardFleet, Pool, Wallet } from './types.js';

export interface Context {
  readonly api: Api;
  /** As it was told last. */
  fleet: BoardFleet | undefined;
  wallets: readonly Wallet[];
  pools: readonly Pool[];
  /** The server's clock, milliseconds since 1970. */
  now(): number;
  /** A copy far from the miners: nothing can be changed. */
  isReadOnly(): boolean;
  /** Asks for the wallets again, and shows them. */
  loadWallets(): Promise<void>;
}

/** One part of the page, shown while its address is in the location. */
export interface View {
  /** It is looked at now; `id` is what stands behind its name in the address. */
  open(id: string | undefined): void;
  close(): void;
  /** The fleet was told. */
  show(fleet: BoardFleet): void;
}
