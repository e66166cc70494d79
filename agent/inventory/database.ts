// Talks to the thread that owns the SQLite file.
import { Worker } from 'node:worker_threads';
import { InnkeeperError } from '../resources/errors.ts';
import type { FileOptions } from './open-file.ts';
import type { Statement, WorkerReply, WorkerRequest } from './worker.ts';

export type { Statement } from './worker.ts';

/** It holds a statement or a page of rows for a moment; Node's usual 48 would only be filled because they are there. */
const YOUNG_MB = 2;

interface Waiter {
  resolve(rows: Record<string, unknown>[]): void;
  reject(error: Error): void;
}

/** An open database: writes are transactions, reads are single statements, both in the order given. */
export class Database {
  readonly #worker: Worker;
  readonly #waiters = new Map<number, Waiter>();
  #next = 1;
  #lost: Error | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** Opens (or makes) the file and brings its schema up to date. @throws InnkeeperError `internal` */
  static open(path: string, options: FileOptions = {}): Promise<Database> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { path, options },
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    const database = new Database(worker);
    return new Promise((resolve, reject) => {
      const refuse = (error: Error) =>
        reject(
          new InnkeeperError(
            'internal',
            `The database ${path} cannot be opened: ${error.message}.`,
            {},
            error,
          ),
        );
      worker.once('error', refuse);
      worker.once('message', () => {
        worker.off('error', refuse);
        worker.on('message', (reply: WorkerReply) => database.#settle(reply));
        worker.on('error', (error) => database.#lose(error as Error));
        worker.on('exit', () => database.#lose(new Error('its thread has ended')));
        resolve(database);
      });
    });
  }

  /** Runs all statements in one transaction, on disk when it resolves. */
  async write(statements: Statement[]): Promise<void> {
    await this.#ask((id) => ({ id, write: statements }));
  }

  read(sql: string, ...parameters: Statement extends [string, ...infer P] ? P : never) {
    return this.#ask((id) => ({ id, read: [sql, ...parameters] }));
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#worker.once('exit', () => resolve());
      this.#worker.postMessage('close');
    });
  }

  #ask(make: (id: number) => WorkerRequest): Promise<Record<string, unknown>[]> {
    if (this.#lost) return Promise.reject(this.#lost);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject });
      this.#worker.postMessage(make(id));
    });
  }

  #settle(reply: WorkerReply): void {
    const waiter = this.#waiters.get(reply.id);
    this.#waiters.delete(reply.id);
    if ('rows' in reply) waiter?.resolve(reply.rows);
    else if (reply.full) {
      const what = 'The disk that holds the inventory is full; nothing was changed. Make room and ask again.';
      waiter?.reject(new InnkeeperError('no-capacity', what));
    } else waiter?.reject(new InnkeeperError('internal', `The inventory refused a write: ${reply.error}.`));
  }

  #lose(error: Error): void {
    this.#lost = new InnkeeperError('internal', `The inventory is lost: ${error.message}.`, {}, error);
    for (const waiter of this.#waiters.values()) waiter.reject(this.#lost);
    this.#waiters.clear();
  }
}
