/** The `pool_miners:` section of miner.yaml: miners that cannot be asked themselves, seen through their pool. */
import { type Static, Type } from '@sinclair/typebox';
import { strict } from '../../common/runtime/config-types.js';

const WORKERS = 'must be a list of names in quotes, such as ["nerd*"]; "" is a miner that gives no name';

/** Without it, no pool is asked for miners. */
export const PoolMinersSection = strict({
  /** Of all wallets; `*` stands for any text. Those that a device here has are left out. */
  workers: Type.Array(Type.String({ maxLength: 128, must: WORKERS }), { minItems: 1, maxItems: 1_000, must: WORKERS }),
  interval_s: Type.Integer({ minimum: 60, maximum: 86_400, default: 300 }),
  timeout_s: Type.Integer({ minimum: 1, maximum: 60, default: 10 }),
  /** Without a share for so long. */
  stale_after_s: Type.Integer({ minimum: 60, maximum: 7 * 86_400, default: 1_800 }),
  offline_after_s: Type.Integer({ minimum: 60, maximum: 30 * 86_400, default: 7_200 }),
});
export type PoolMinersConfig = Static<typeof PoolMinersSection>;
