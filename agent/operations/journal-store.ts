// The journal's rows: which operation is where, in the same database as what it changes.
import type { Database } from '../inventory/database.ts';
import type { Transaction } from '../inventory/transaction.ts';
import type { OperationRecord } from './journal.ts';
import type { AnyPlan } from './kind.ts';

export interface JournalRow {
  record: OperationRecord;
  /** Hash of kind and parameters: the same request id must mean the same request. */
  fingerprint: string;
  plan: AnyPlan;
}

/** Finished operations are kept this long, so that a repeated request id still gets its answer. */
const KEPT_MS = 7 * 24 * 3600 * 1000;

export class JournalStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  put(tx: Transaction, row: JournalRow): void {
    const { id, state, startTime } = row.record;
    const finished = state === 'done' || state === 'failed' ? 1 : 0;
    // A finished plan is not needed again and may be large (user data).
    const document = JSON.stringify(finished ? { ...row, plan: null } : row);
    const sql = `INSERT INTO operation VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET finished = excluded.finished, document = excluded.document`;
    tx.also(sql, id, finished, Date.parse(startTime), document);
  }

  async find(id: string): Promise<JournalRow | undefined> {
    const [row] = await this.#database.read('SELECT document FROM operation WHERE id = ?', id);
    return row && parse(row);
  }

  /** In the order they were begun. */
  async unfinished(): Promise<JournalRow[]> {
    const rows = await this.#database.read(
      'SELECT document FROM operation WHERE finished = 0 ORDER BY started',
    );
    return rows.map(parse);
  }

  /** The newest `limit` operations, newest first. */
  async recent(limit: number): Promise<OperationRecord[]> {
    const rows = await this.#database.read(
      'SELECT document FROM operation ORDER BY started DESC LIMIT ?',
      limit,
    );
    return rows.map((row) => parse(row).record);
  }

  async prune(now = Date.now()): Promise<void> {
    await this.#database.write([['DELETE FROM operation WHERE finished = 1 AND started < ?', now - KEPT_MS]]);
  }
}

function parse(row: Record<string, unknown>): JournalRow {
  return JSON.parse(String(row.document)) as JournalRow;
}
