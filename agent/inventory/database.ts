// Talks to the thread that owns the SQLite files.
import { Worker } from 'node:worker_threads';
import { InnkeeperError } from '../resources/errors.ts';
import type { FileOptions } from './open-file.ts';
import type { Statement, WorkerReply, WorkerTask } from './worker.ts';

export type { Statement } from './worker.ts';

interface Waiter {
  resolve(rows: Record<string, unknown>[]): void;
  reject(error: Error): void;
}

/** The thread, as all databases in it see it. */
interface Thread {
  worker: Worker;
  waiters: Map<number, Waiter>;
  /** Numbers of the next request and of the next file. */
  nextRequest: number;
  nextFile: number;
  lost: Error | undefined;
}

const cannotOpen = (path: string, error: Error) =>
  new InnkeeperError('internal', `The database ${path} cannot be opened: ${error.message}.`, {}, error);

/** An open database: writes are transactions, reads are single statements, both in the order given. */
export class Database {
  readonly #thread: Thread;
  readonly #file: number;

  private constructor(thread: Thread, file: number) {
    this.#thread = thread;
    this.#file = file;
  }

  /** Opens (or makes) the file and brings its schema up to date. @throws InnkeeperError `internal` */
  static open(path: string, options: FileOptions = {}): Promise<Database> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { path, options } });
    const thread: Thread = { worker, waiters: new Map(), nextRequest: 1, nextFile: 1, lost: undefined };
    return new Promise((resolve, reject) => {
      const refuse = (error: Error) => reject(cannotOpen(path, error));
      worker.once('error', refuse);
      worker.once('message', () => {
        worker.off('error', refuse);
        worker.on('message', (reply: WorkerReply) => settle(thread, reply));
        worker.on('error', (error) => lose(thread, error as Error));
        worker.on('exit', () => lose(thread, new Error('its thread has ended')));
        resolve(new Database(thread, 0));
      });
    });
  }

  /** Another file in the same thread, which costs memory; what is long in one holds up the other. */
  async openBeside(path: string, options: FileOptions): Promise<Database> {
    const other = new Database(this.#thread, this.#thread.nextFile++);
    await other.#ask({ open: path, options }).catch((error: Error) => {
      throw cannotOpen(path, error);
    });
    return other;
  }

  /** Runs all statements in one transaction, on disk when it resolves. */
  async write(statements: Statement[]): Promise<void> {
    await this.#ask({ write: statements });
  }

  read(sql: string, ...parameters: Statement extends [string, ...infer P] ? P : never) {
    return this.#ask({ read: [sql, ...parameters] });
  }

  /** Of the first file: closes those beside it, too. */
  async close(): Promise<void> {
    if (this.#file > 0) {
      await this.#ask({ close: true });
      return;
    }
    const { worker } = this.#thread;
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage('close');
    await gone;
  }

  #ask(task: WorkerTask): Promise<Record<string, unknown>[]> {
    const { worker, waiters, lost } = this.#thread;
    if (lost) return Promise.reject(lost);
    const id = this.#thread.nextRequest++;
    return new Promise((resolve, reject) => {
      waiters.set(id, { resolve, reject });
      worker.postMessage({ ...task, id, file: this.#file });
    });
  }
}

function settle({ waiters }: Thread, reply: WorkerReply): void {
  const waiter = waiters.get(reply.id);
  waiters.delete(reply.id);
  if ('rows' in reply) waiter?.resolve(reply.rows);
  else if (reply.full) {
    const what = 'The disk that holds the inventory is full; nothing was changed. Make room and ask again.';
    waiter?.reject(new InnkeeperError('no-capacity', what));
  } else waiter?.reject(new InnkeeperError('internal', `The inventory refused a write: ${reply.error}.`));
}

function lose(thread: Thread, error: Error): void {
  thread.lost = new InnkeeperError('internal', `The inventory is lost: ${error.message}.`, {}, error);
  for (const waiter of thread.waiters.values()) waiter.reject(thread.lost);
  thread.waiters.clear();
}
