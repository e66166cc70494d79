// One connection to one QMP monitor: greeting, commands matched by id, events, and its end.
import { connect, type Socket } from 'node:net';
import { EventQueue } from '../libvirt/mod.ts';
import { QmpError, QmpLostError, QmpProtocolError, QmpTimeoutError } from './errors.ts';
import { LineSplitter } from './lines.ts';
import { type Json, parseMessage, type QmpEvent, type QmpMessage } from './messages.ts';

export interface QmpOptions {
  /** UNIX socket of the monitor. */
  path: string;
  /** Limit for connecting, greeting and negotiation, in milliseconds. */
  connectTimeoutMs?: number;
  /** Events held for a subscriber that is behind. */
  eventCapacity?: number;
}

export interface ExecuteOptions {
  /** Gives up after this many milliseconds; 0 or absent means never. */
  timeoutMs?: number;
  /** Gives up with the signal's reason. */
  signal?: AbortSignal;
}

interface Waiter {
  command: string;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

const CONNECT_TIMEOUT_MS = 5_000;
const EVENT_CAPACITY = 1_000;

/**
 * A monitor answers one client at a time: while another holds it, a second one is accepted but never
 * greeted, and `open` fails by its time-out. It ends when QEMU does; there is nothing to reconnect to.
 */
export class QmpMonitor {
  /** Resolves (never rejects) with the reason when the monitor is gone. */
  readonly ended: Promise<Error>;
  readonly #socket: Socket;
  readonly #splitter = new LineSplitter();
  readonly #capacity: number;
  readonly #waiters = new Map<string, Waiter>();
  /** Ids whose caller has given up; their late answers are expected and dropped. */
  readonly #abandoned = new Set<string>();
  readonly #subscribers = new Set<EventQueue<QmpEvent>>();
  readonly #announceEnd: (reason: Error) => void;
  readonly #greeted = Promise.withResolvers<string>();
  #lastId = 0;
  #version = '';
  #endedWith: Error | undefined;

  /**
   * Connects, waits for the greeting and leaves negotiation mode.
   * @throws QmpLostError, QmpProtocolError, QmpTimeoutError.
   */
  static async open(options: QmpOptions): Promise<QmpMonitor> {
    const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const monitor = new QmpMonitor(connect({ path: options.path }), options.eventCapacity ?? EVENT_CAPACITY);
    const late = new QmpTimeoutError(
      `no QMP greeting from ${options.path} in ${timeoutMs} ms; perhaps another client holds the monitor`,
    );
    const timer = setTimeout(() => monitor.#end(late), timeoutMs);
    try {
      monitor.#version = await monitor.#greeted.promise;
      await monitor.execute('qmp_capabilities');
      return monitor;
    } catch (error) {
      monitor.close();
      throw monitor.#endedWith === late ? late : error;
    } finally {
      clearTimeout(timer);
    }
  }

  private constructor(socket: Socket, capacity: number) {
    this.#socket = socket;
    this.#capacity = capacity;
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.ended = promise;
    this.#announceEnd = resolve;
    this.#greeted.promise.catch(() => {}); // open() may have left already
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('QEMU closed the monitor')));
  }

  /** Version of QEMU, "7.2.22". */
  get version(): string {
    return this.#version;
  }

  /**
   * One command; the value is what QEMU returned, unchecked.
   * @throws QmpError, QmpLostError, QmpTimeoutError or the signal's reason.
   */
  execute(command: string, args?: Json, options: ExecuteOptions = {}): Promise<unknown> {
    if (this.#endedWith !== undefined) return Promise.reject(this.#lost(command, this.#endedWith));
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    const id = `innkeeper-${++this.#lastId}`;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const release = this.#limit(id, command, options);
    this.#waiters.set(id, {
      command,
      resolve: (value) => {
        release();
        resolve(value);
      },
      reject: (error) => {
        release();
        reject(error);
      },
    });
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    return promise;
  }

  /**
   * Every event from now on, until the monitor ends or the consumer breaks off. `OVERFLOW` (never sent by
   * QEMU) tells a slow consumer in `data.dropped` how many events it missed.
   */
  events(): EventQueue<QmpEvent> {
    const queue = new EventQueue<QmpEvent>({
      capacity: this.#capacity,
      overflow: (dropped) => ({ event: 'OVERFLOW', data: { dropped }, timeMs: Date.now() }),
      onEnd: () => this.#subscribers.delete(queue),
    });
    if (this.#endedWith === undefined) this.#subscribers.add(queue);
    else queue.end();
    return queue;
  }

  /** Leaves the monitor to the next client; the machine runs on. Idempotent. */
  close(): void {
    this.#end(new Error('the QMP client was closed'));
  }

  /** Ends the wait for one command early, and forgets the limits when it is over. */
  #limit(id: string, command: string, { timeoutMs, signal }: ExecuteOptions): () => void {
    const giveUp = (error: unknown): void => {
      const waiter = this.#waiters.get(id);
      this.#waiters.delete(id);
      this.#abandoned.add(id);
      waiter?.reject(error);
    };
    const abort = (): void => giveUp(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const timer = timeoutMs
      ? setTimeout(() => giveUp(new QmpTimeoutError(`no answer to ${command} in ${timeoutMs} ms`)), timeoutMs)
      : undefined;
    return () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
  }

  #receive(chunk: Buffer): void {
    try {
      for (const line of this.#splitter.push(chunk)) {
        if (this.#endedWith === undefined) this.#route(parseMessage(line));
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #route(message: QmpMessage): void {
    if (message.type === 'event') {
      const { event, data, timeMs } = message;
      for (const queue of this.#subscribers) queue.push({ event, data, timeMs });
    } else if (message.type === 'greeting') {
      this.#greeted.resolve(message.version);
    } else {
      this.#answer(message);
    }
  }

  #answer(message: Extract<QmpMessage, { type: 'return' | 'error' }>): void {
    // An error without an id means that QEMU could not parse what we sent: nothing can be matched any more.
    if (message.id === undefined)
      throw new QmpProtocolError(`QEMU: ${'description' in message && message.description}`);
    if (this.#abandoned.delete(message.id)) return;
    const waiter = this.#waiters.get(message.id);
    if (waiter === undefined) throw new QmpProtocolError(`an answer to ${message.id}, which was never asked`);
    this.#waiters.delete(message.id);
    if (message.type === 'return') waiter.resolve(message.value);
    else waiter.reject(new QmpError(waiter.command, message.errorClass, message.description));
  }

  #lost(command: string, reason: Error): Error {
    return new QmpLostError(`monitor lost during ${command}: ${reason.message}`, { cause: reason });
  }

  /** The one ending: wakes every waiter and ends every iteration. */
  #end(reason: Error): void {
    if (this.#endedWith !== undefined) return;
    this.#endedWith = reason;
    this.#socket.destroy();
    this.#greeted.reject(this.#lost('the greeting', reason));
    for (const waiter of [...this.#waiters.values()]) waiter.reject(this.#lost(waiter.command, reason));
    this.#waiters.clear();
    this.#abandoned.clear();
    for (const queue of [...this.#subscribers]) queue.end();
    this.#announceEnd(reason);
  }
}
