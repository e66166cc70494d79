// The only thread that touches the database: a commit's fsync must never hold up DHCP or metadata.
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { openFile } from './open-file.ts';

export type Statement = [sql: string, ...parameters: SQLInputValue[]];
export type WorkerRequest = { id: number; write: Statement[] } | { id: number; read: Statement };
export type WorkerReply =
  | { id: number; rows: Record<string, unknown>[] }
  | { id: number; error: string; full: boolean };

const SQLITE_FULL = 13;

const db = openFile(workerData.path, workerData.options);
const prepared = new Map<string, StatementSync>();

function prepare(sql: string): StatementSync {
  const statement = prepared.get(sql) ?? db.prepare(sql);
  prepared.set(sql, statement);
  return statement;
}

/** All or nothing. */
function write(statements: Statement[]): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const [sql, ...parameters] of statements) prepare(sql).run(...parameters);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

parentPort!.on('message', (request: WorkerRequest | 'close') => {
  if (request === 'close') {
    db.close();
    parentPort!.close();
    return;
  }
  const { id } = request;
  try {
    let rows: Record<string, unknown>[] = [];
    if ('write' in request) write(request.write);
    else {
      const [sql, ...parameters] = request.read;
      rows = prepare(sql).all(...parameters) as Record<string, unknown>[];
    }
    parentPort!.postMessage({ id, rows } satisfies WorkerReply);
  } catch (error) {
    const full = (error as { errcode?: number }).errcode === SQLITE_FULL;
    parentPort!.postMessage({ id, error: (error as Error).message, full } satisfies WorkerReply);
  }
});
parentPort!.postMessage('open');
