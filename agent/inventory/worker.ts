// The only thread that touches databases: a commit's fsync must never hold up DHCP or metadata.
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { type FileOptions, openFile } from './open-file.ts';

export type Statement = [sql: string, ...parameters: SQLInputValue[]];
/** What is asked of one file; the first one, number 0, is open from the start. */
export type WorkerTask =
  | { write: Statement[] }
  | { read: Statement }
  | { open: string; options: FileOptions }
  | { close: true };
export type WorkerRequest = WorkerTask & { id: number; file: number };
export type WorkerReply =
  | { id: number; rows: Record<string, unknown>[] }
  | { id: number; error: string; full: boolean };

interface OpenFile {
  db: DatabaseSync;
  prepared: Map<string, StatementSync>;
}

const SQLITE_FULL = 13;

const files = new Map<number, OpenFile>();

function open(file: number, path: string, options: FileOptions): void {
  files.set(file, { db: openFile(path, options), prepared: new Map() });
}

function prepare({ db, prepared }: OpenFile, sql: string): StatementSync {
  const statement = prepared.get(sql) ?? db.prepare(sql);
  prepared.set(sql, statement);
  return statement;
}

/** All or nothing. */
function write(file: OpenFile, statements: Statement[]): void {
  const { db } = file;
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const [sql, ...parameters] of statements) prepare(file, sql).run(...parameters);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function carryOut(request: WorkerRequest): Record<string, unknown>[] {
  if ('open' in request) {
    open(request.file, request.open, request.options);
    return [];
  }
  const file = files.get(request.file);
  if (!file) throw new Error('the file is closed');
  if ('close' in request) {
    file.db.close();
    files.delete(request.file);
  } else if ('write' in request) write(file, request.write);
  else {
    const [sql, ...parameters] = request.read;
    return prepare(file, sql).all(...parameters) as Record<string, unknown>[];
  }
  return [];
}

parentPort!.on('message', (request: WorkerRequest | 'close') => {
  if (request === 'close') {
    for (const { db } of files.values()) db.close();
    parentPort!.close();
    return;
  }
  const { id } = request;
  try {
    parentPort!.postMessage({ id, rows: carryOut(request) } satisfies WorkerReply);
  } catch (error) {
    const full = (error as { errcode?: number }).errcode === SQLITE_FULL;
    parentPort!.postMessage({ id, error: (error as Error).message, full } satisfies WorkerReply);
  }
});
open(0, workerData.path, workerData.options);
parentPort!.postMessage('open');
