// File operations behind a helper process with time limits: a dead server hangs the helper, never the agent.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { InnkeeperError } from '../resources/errors.ts';
import { type Files, fileOperations } from './files.ts';

export interface RemoteFilesOptions {
  /** Named in errors. */
  pool: string;
  /** Most milliseconds for one operation; default 10,000. */
  timeoutMs?: number;
  /** Most milliseconds to bring data to stable storage; default 10 minutes. */
  syncTimeoutMs?: number;
  /** Told the process id of each new helper. */
  onHelper?: (pid: number) => void;
}

interface Waiting {
  request: { id: number; name: keyof typeof fileOperations; args: unknown[] };
  resolve(value: unknown): void;
  reject(error: Error): void;
  /** Set when the request is with the helper. */
  clock?: NodeJS.Timeout;
}

/** Starting a process says nothing about the server: it has a limit of its own, for very busy hosts. */
const START_TIMEOUT_MS = 60_000;

type Reply = { ready: true } | { id: number; value?: unknown; error?: { message: string; code?: string } };

/**
 * Node has four threads for all file operations of a process; four calls into a dead NFS server would stop
 * every other file of the agent. So each such pool has one small process of its own. When an operation
 * takes too long, the helper is killed and everything it was asked rejects; the next call starts a new one.
 */
class Helper {
  readonly #options: RemoteFilesOptions;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | undefined;
  #ready = false;
  #startClock: NodeJS.Timeout | undefined;
  #nextId = 1;

  constructor(options: RemoteFilesOptions) {
    this.#options = options;
  }

  call(name: keyof typeof fileOperations, args: unknown[]): Promise<unknown> {
    if (!this.#child) this.#start();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const request = { id: this.#nextId++, name, args };
    const waiting: Waiting = { request, resolve, reject };
    this.#waiting.set(request.id, waiting);
    if (this.#ready) this.#send(waiting);
    return promise;
  }

  #send(waiting: Waiting): void {
    const { timeoutMs = 10_000, syncTimeoutMs = 600_000, pool } = this.#options;
    const most = waiting.request.name === 'synced' ? syncTimeoutMs : timeoutMs;
    waiting.clock = setTimeout(() => {
      this.#fail(`Pool ${pool} did not answer within ${most} ms; is its server reachable?`);
    }, most);
    const child = this.#child;
    child?.send(waiting.request, (error) => {
      if (error) this.#fail(`The helper of pool ${pool} is gone: ${error.message}.`, child);
    });
  }

  async close(): Promise<void> {
    this.#fail(`Pool ${this.#options.pool} was closed.`);
  }

  #start(): void {
    const child = fork(fileURLToPath(new URL('./files-helper.ts', import.meta.url)), [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child = child;
    this.#startClock = setTimeout(() => {
      this.#fail(
        `The helper of pool ${this.#options.pool} did not start within ${START_TIMEOUT_MS} ms.`,
        child,
      );
    }, START_TIMEOUT_MS);
    child.on('message', (reply: Reply) => {
      if (child === this.#child) this.#settle(reply);
    });
    child.on('error', (error) =>
      this.#fail(`The helper of pool ${this.#options.pool} failed: ${error.message}.`, child),
    );
    child.on('exit', () => this.#fail(`The helper of pool ${this.#options.pool} ended unexpectedly.`, child));
    // An idle helper keeps nobody from ending.
    child.unref();
    child.channel?.unref();
    if (child.pid !== undefined) this.#options.onHelper?.(child.pid);
  }

  #settle(reply: Reply): void {
    if ('ready' in reply) {
      this.#ready = true;
      clearTimeout(this.#startClock);
      for (const waiting of this.#waiting.values()) this.#send(waiting);
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    this.#waiting.delete(reply.id);
    clearTimeout(waiting.clock);
    if (reply.error)
      waiting.reject(Object.assign(new Error(reply.error.message), { code: reply.error.code }));
    else waiting.resolve(reply.value);
  }

  /** Gives up on the present helper (or on `child`, if that is still the present one). */
  #fail(why: string, child: ChildProcess | undefined = this.#child): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    this.#ready = false;
    clearTimeout(this.#startClock);
    child?.kill('SIGKILL');
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.clock);
      waiting.reject(new InnkeeperError('internal', why));
    }
    this.#waiting.clear();
  }
}

/** The same operations as `localFiles`, each bounded in time. The helper starts with the first call. */
export function remoteFiles(options: RemoteFilesOptions): Files {
  const helper = new Helper(options);
  const names = Object.keys(fileOperations) as (keyof typeof fileOperations)[];
  const calls = names.map((name) => [name, (...args: unknown[]) => helper.call(name, args)]);
  return { ...(Object.fromEntries(calls) as Omit<Files, 'close'>), close: () => helper.close() };
}
