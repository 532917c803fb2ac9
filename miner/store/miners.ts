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
  /** Empty for one that cannot be asked itself: it is seen through its pool (`pool_miners`). */
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

/** It cannot be asked itself. */
export function isSeenByPool({ ip_address }: Pick<MinerRow, 'ip_address'>): boolean {
  return ip_address === '';
}

export class Miners {
  readonly #db: Database.Database;

  readonly #get: Database.Statement<[number], MinerRow>;
  readonly #seen: Database.Statement<[number, number]>;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#get = db.prepare('SELECT * FROM miners WHERE id = ?');
    this.#seen = db.prepare('UPDATE miners SET seen_at = ? WHERE id = ?');
  }

  /**
   * Its MAC names it to the sites, or its number where it has none, or where another one was given that MAC first: with some
   * letters, because other fleets have numbers too.
   */
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
      this.#db
        .prepare(
          `UPDATE miners SET worker_key = CASE
             WHEN mac_address IS NOT NULL AND NOT EXISTS (SELECT 1 FROM miners AS other WHERE other.worker_key = miners.mac_address)
             THEN mac_address ELSE 'miner-' || id || '-' || substr(worker_key, 1, 8) END WHERE id = ?`,
        )
        .run(id);
      return this.get(id) as MinerRow;
    })();
  }

  get(id: number): MinerRow | undefined {
    return this.#get.get(id);
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

  /** Of a known device there is a good reading. */
  seen(id: number, at: number): void {
    this.#seen.run(at, id);
  }

  /** By its MAC in lower case with colons. */
  withMac(mac_address: string): MinerRow | undefined {
    return this.#db.prepare<[string], MinerRow>('SELECT * FROM miners WHERE mac_address = ?').get(mac_address);
  }

  /**
   * Two entries are one device: `from` goes, and how far the one was counted that was read last is how far `into` is
   * counted. What was between the two is never counted twice.
   */
  unite(from: number, into: number): void {
    this.#db.transaction(() => {
      const newest = this.#db.prepare<[number], { at: number | null }>(
        'SELECT max(at) AS at FROM counters WHERE miner_id = ?',
      );
      const [of_from, of_into] = [newest.get(from)?.at ?? null, newest.get(into)?.at ?? null];
      if (of_from !== null && (of_into === null || of_from > of_into)) {
        this.#db.prepare('DELETE FROM counters WHERE miner_id = ?').run(into);
        this.#db.prepare('UPDATE counters SET miner_id = ? WHERE miner_id = ?').run(into, from);
      }
      this.remove(from);
    })();
  }

  /** With its configs and counters; what it has mined stays. False where there is no such miner. */
  remove(id: number): boolean {
    return this.#db.prepare('DELETE FROM miners WHERE id = ?').run(id).changes > 0;
  }
}
