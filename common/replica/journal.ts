/** The store's tables of what programs changed: the change log, answers kept for their keys, and where amounts moved. */
import type Database from 'better-sqlite3';
import { type Amount, add, ZERO } from '../core/amount.js';

export type ChangeRow = {
  readonly id: number;
  /** The document's id. */
  readonly document: number;
  readonly path: string;
  readonly amount: Amount;
  /** After the change. */
  readonly balance: Amount;
  readonly source: string;
  readonly description: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly asker: string;
  readonly rule: string;
};

export type AnswerRow = {
  readonly asker: string;
  readonly key: string;
  readonly digest: string;
  readonly at: number;
  readonly answer: string;
};

export type Move = { readonly position: number; readonly document: string };

/** What a miner did for a credit; times in whole seconds since 1970. */
export type Mined = {
  readonly miner: string;
  readonly worker: string;
  readonly difficulty: string;
  readonly from_s: number;
  readonly to_s: number;
};

export type MinedRow = Mined & {
  readonly id: number;
  readonly document: string;
  readonly amount: Amount;
  readonly at: number;
};

export class Journal {
  readonly #sql: (text: string) => Database.Statement;
  #position: number | undefined;
  #floor = 0;

  constructor(sql: (text: string) => Database.Statement) {
    this.#sql = sql;
  }

  answer(asker: string, key: string): AnswerRow | undefined {
    return this.#sql('SELECT asker, key, digest, at, answer FROM answers WHERE asker = ? AND key = ?').get(
      asker,
      key,
    ) as AnswerRow | undefined;
  }

  putAnswer({ asker, key, digest, at, answer }: AnswerRow): void {
    this.#sql('INSERT INTO answers (asker, key, digest, at, answer) VALUES (?, ?, ?, ?, ?)').run(
      asker,
      key,
      digest,
      at,
      answer,
    );
  }

  /** Of the `limit` oldest answers, removes those from before `at` (milliseconds since 1970); returns how many. */
  dropAnswers(at: number, limit: number): number {
    return this.#sql('DELETE FROM answers WHERE id IN (SELECT id FROM answers ORDER BY id LIMIT ?) AND at < ?').run(
      limit,
      at,
    ).changes;
  }

  /** Returns the change's id. */
  putChange(row: Omit<ChangeRow, 'id'>): number {
    return Number(
      this.#sql(
        `INSERT INTO changes (document, path, amount, balance, source, description, at, asker, rule)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ).run(row.document, row.path, row.amount, row.balance, row.source, row.description, row.at, row.asker, row.rule)
        .lastInsertRowid,
    );
  }

  /** Changes of a document with ids below `before`, newest first. */
  changesOf(document: number, before: number, limit: number): ChangeRow[] {
    return this.#sql('SELECT * FROM changes WHERE document = ? AND id < ? ORDER BY id DESC LIMIT ?').all(
      document,
      before,
      limit,
    ) as ChangeRow[];
  }

  change(id: number): ChangeRow | undefined {
    return this.#sql('SELECT * FROM changes WHERE id = ?').get(id) as ChangeRow | undefined;
  }

  /** What was changed of a document under a rule since `since` (milliseconds since 1970). */
  sumUnder(rule: string, document: number, since: number): Amount {
    const rows = this.#sql('SELECT amount, at, rule FROM changes WHERE document = ? ORDER BY id DESC').iterate(
      document,
    ) as IterableIterator<Pick<ChangeRow, 'amount' | 'at' | 'rule'>>;
    let sum = ZERO;
    for (const row of rows) {
      if (row.at < since) break;
      if (row.rule === rule) sum = add(sum, row.amount);
    }
    return sum;
  }

  /**
   * From now on positions are greater than `floor` (microseconds since 1970): a database that turns out to be an older copy
   * gives out none again that listeners have seen.
   */
  begin(floor: number): void {
    this.#floor = floor;
    this.forget();
  }

  /** What was counted in a transaction that was undone. */
  forget(): void {
    this.#position = undefined;
  }

  /** Notes that a document's amounts have changed. Call inside `commit`. */
  move(document: number): void {
    // Counted here: the newest row may be the very one that is replaced.
    this.#position = this.position + 1;
    this.#sql('INSERT OR REPLACE INTO moves (position, document) VALUES (?, ?)').run(this.#position, document);
  }

  /** The newest position given out. */
  get position(): number {
    if (this.#position === undefined) {
      const { newest } = this.#sql('SELECT max(position) AS newest FROM moves').get() as { newest: number | null };
      this.#position = Math.max(newest ?? 0, this.#floor);
    }
    return this.#position;
  }

  /** Documents whose amounts changed after `position`, each at its newest change, in order. */
  movedAfter(position: number, limit: number): Move[] {
    return this.#sql(
      'SELECT m.position, d.name AS document FROM moves m JOIN documents d ON d.id = m.document WHERE m.position > ? ORDER BY m.position LIMIT ?',
    ).all(position, limit) as Move[];
  }

  /** Where the amounts of a document changed last; 0 where they never did. */
  positionOf(document: string): number {
    const row = this.#sql('SELECT m.position FROM moves m JOIN documents d ON d.id = m.document WHERE d.name = ?').get(
      document,
    ) as { position: number } | undefined;
    return row?.position ?? 0;
  }

  /** Whether some of a worker's time has been credited already. Credited periods never overlap: the last one tells. */
  isMined({ miner, worker, from_s, to_s }: Mined): boolean {
    const last = this.#sql(
      'SELECT to_s FROM miner_credits WHERE miner = ? AND worker = ? AND from_s < ? ORDER BY from_s DESC LIMIT 1',
    ).get(miner, worker, to_s) as { to_s: number } | undefined;
    return last !== undefined && last.to_s > from_s;
  }

  /** Credits of miners after change `after`, in order; `document` and `miner` where they are given, from `since` on (milliseconds). */
  mined(after: number, since: number, document: string | null, miner: string | null, limit: number): MinedRow[] {
    return this.#sql(
      `SELECT c.id, d.name AS document, c.amount, c.at, m.miner, m.worker, m.difficulty, m.from_s, m.to_s
       FROM miner_credits m JOIN changes c ON c.id = m.change JOIN documents d ON d.id = c.document
       WHERE m.change > ? AND c.at >= ? AND d.name = coalesce(?, d.name) AND m.miner = coalesce(?, m.miner)
       ORDER BY m.change LIMIT ?`,
    ).all(after, since, document, miner, limit) as MinedRow[];
  }

  putMined(change: number, mined: Mined): void {
    this.#sql(
      'INSERT INTO miner_credits (change, miner, worker, difficulty, from_s, to_s) VALUES (?, ?, ?, ?, ?, ?)',
    ).run(change, mined.miner, mined.worker, mined.difficulty, mined.from_s, mined.to_s);
  }
}
