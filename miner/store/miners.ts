/** The devices that are known. */
import type Database from 'better-sqlite3';

export interface MinerRow {
  readonly id: number;
  readonly name: string;
  /** Names the device to the sites for ever. */
  readonly worker_key: string;
  /** A family (`FAMILIES`), or what a person added it as. */
  readonly miner_type: string;
  /** Key of the adapter that reads it; null: not identified yet. */
  readonly adapter: string | null;
  readonly model: string | null;
  readonly firmware: string | null;
  readonly ip_address: string;
  readonly mac_address: string | null;
  readonly api_port: number | null;
  /** JSON {user, password}: never shown. */
  readonly login: string | null;
  readonly enabled: 0 | 1;
  readonly auto_discovered: 0 | 1;
  readonly created_at: number;
  /** Of its last good reading. */
  readonly seen_at: number | null;
}

export type NewMiner = Pick<MinerRow, 'name' | 'miner_type' | 'ip_address' | 'created_at'> &
  Partial<Pick<MinerRow, 'adapter' | 'model' | 'firmware' | 'mac_address' | 'api_port' | 'login' | 'auto_discovered'>>;

export type MinerChange = Partial<
  Pick<
    MinerRow,
    | 'name'
    | 'miner_type'
    | 'adapter'
    | 'model'
    | 'firmware'
    | 'ip_address'
    | 'mac_address'
    | 'api_port'
    | 'login'
    | 'enabled'
    | 'seen_at'
  >
>;

const CHANGEABLE: readonly (keyof MinerChange)[] = [
  'name',
  'miner_type',
  'adapter',
  'model',
  'firmware',
  'ip_address',
  'mac_address',
  'api_port',
  'login',
  'enabled',
  'seen_at',
];

export class Miners {
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  /** Its MAC names it to the sites, or its number where it has none. */
  add(miner: NewMiner): MinerRow {
    return this.#db.transaction(() => {
      const { lastInsertRowid } = this.#db
        .prepare(
          `INSERT INTO miners (name, worker_key, miner_type, adapter, model, firmware, ip_address, mac_address, api_port, login,
             auto_discovered, created_at)
           VALUES (@name, lower(hex(randomblob(16))), @miner_type, @adapter, @model, @firmware, @ip_address, @mac_address, @api_port,
             @login, @auto_discovered, @created_at)`,
        )
        .run({
          adapter: null,
          model: null,
          firmware: null,
          mac_address: null,
          api_port: null,
          login: null,
          auto_discovered: 0,
          ...miner,
        });
      const id = Number(lastInsertRowid);
      this.#db.prepare(`UPDATE miners SET worker_key = coalesce(mac_address, 'miner-' || id) WHERE id = ?`).run(id);
      return this.get(id) as MinerRow;
    })();
  }

  get(id: number): MinerRow | undefined {
    return this.#db.prepare<[number], MinerRow>('SELECT * FROM miners WHERE id = ?').get(id);
  }

  /** By id. */
  list({ enabled_only = false } = {}): MinerRow[] {
    return this.#db
      .prepare<[], MinerRow>(`SELECT * FROM miners ${enabled_only ? 'WHERE enabled = 1' : ''} ORDER BY id`)
      .all();
  }

  /** False where there is no such miner. */
  change(id: number, change: MinerChange): boolean {
    const names = CHANGEABLE.filter((name) => change[name] !== undefined);
    if (names.length === 0) return this.get(id) !== undefined;
    const sets = names.map((name) => `${name} = @${name}`).join(', ');
    return this.#db.prepare(`UPDATE miners SET ${sets} WHERE id = @id`).run({ ...change, id }).changes > 0;
  }

  /** With its configs and counters; what it has mined stays. False where there is no such miner. */
  remove(id: number): boolean {
    return this.#db.prepare('DELETE FROM miners WHERE id = ?').run(id).changes > 0;
  }
}
