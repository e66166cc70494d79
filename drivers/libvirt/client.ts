// A libvirt connection that lives on: it reconnects, asks for its events again, and says so.
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Domains } from './api/domains.ts';
import { Host } from './api/host.ts';
import { Networks } from './api/networks.ts';
import { Storage } from './api/storage.ts';
import { Backoff } from './backoff.ts';
import { ConnectionLostError } from './errors.ts';
import { EventHub, type LibvirtEvent } from './event-hub.ts';
import type { EventQueue } from './event-queue.ts';
import { type LibvirtOptions, type Settings, settings } from './options.ts';
import type { DomainEventType } from './protocol/events.ts';
import type { Args, ProcedureName, Result } from './protocol/index.ts';
import type { DomainRef } from './protocol/types.ts';
import type { CallOptions } from './rpc/call.ts';
import { Connection } from './rpc/connection.ts';
import { dial } from './rpc/dial.ts';
import { shakeHands } from './rpc/handshake.ts';
import { parseUri, type Target } from './uri.ts';

/** VIR_CONNECT_RO. */
const READ_ONLY = 1;
/** How long `close` waits for libvirtd's farewell, in milliseconds. */
const FAREWELL_MS = 1_000;

/**
 * `idle` until connected for the first time, `waiting` between two attempts to reconnect, `closed` for
 * ever after {@link LibvirtClient.close}.
 */
export type ClientState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'closed';

/** The client. Calls made while it is not connected fail at once with a ConnectionLostError. */
export class LibvirtClient {
  readonly host: Host = new Host(this);
  readonly domains: Domains = new Domains(this);
  readonly storage: Storage = new Storage(this);
  readonly networks: Networks = new Networks(this);
  readonly #settings: Settings;
  readonly #target: Target;
  readonly #hub: EventHub;
  readonly #closing = new AbortController();
  #connection: Connection | undefined;
  #lastFailure: Error | undefined;
  #state: ClientState = 'idle';

  /** @throws RangeError for a URI that cannot be understood. */
  constructor(options: LibvirtOptions) {
    this.#settings = settings(options);
    this.#target = parseUri(options.uri);
    this.#hub = new EventHub(options.events, this.#settings.eventCapacity);
  }

  get state(): ClientState {
    return this.#state;
  }

  get connected(): boolean {
    return this.#state === 'connected';
  }

  /** Why the connection was lost, or why the latest attempt to make it failed; for a log, or a person. */
  get lastFailure(): Error | undefined {
    return this.#lastFailure;
  }

  /**
   * Connects. Once this has succeeded, a lost connection is made again until `close`.
   * @throws ConnectionLostError, LibvirtError or ProtocolError if this first attempt fails.
   */
  async connect(): Promise<void> {
    if (this.#state !== 'idle') throw new Error(`connect() on a client that is ${this.#state}`);
    try {
      await this.#establish();
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#state = 'idle';
      throw error;
    }
  }

  /** Says farewell and ends every waiter and every event iteration. Idempotent. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    const closed = new ConnectionLostError('the libvirt client was closed');
    this.#closing.abort(closed);
    const connection = this.#connection;
    this.#connection = undefined;
    // A daemon that does not answer must not hold us up; its own clean-up happens when the socket closes.
    await connection?.call('connect_close', undefined, { timeoutMs: FAREWELL_MS }).catch(() => {});
    connection?.end(closed);
    this.#hub.end();
  }

  /** Every event from now on, of the given kinds (default: all asked for), until `close` or `break`. */
  events(options?: { types?: readonly LibvirtEvent['type'][]; capacity?: number }): EventQueue<LibvirtEvent> {
    return this.#hub.subscribe(options);
  }

  /** Kinds of events this daemon does not know; there will be none of them. */
  get missingEvents(): readonly DomainEventType[] {
    return this.#hub.missing;
  }

  /**
   * Calls any procedure of the protocol tables.
   * @throws LibvirtError, ConnectionLostError, CallTimeoutError, ProtocolError, TooManyCallsError,
   * RangeError (arguments that cannot be encoded) or the signal's reason.
   */
  call<P extends ProcedureName>(name: P, args: Args<P>, options: CallOptions = {}): Promise<Result<P>> {
    const connection = this.#connection;
    if (connection === undefined) {
      return Promise.reject(new ConnectionLostError(`${name}: not connected to libvirt (${this.#state})`));
    }
    const { callTimeoutMs } = this.#settings;
    return connection.call(name, args, { timeoutMs: callTimeoutMs, ...options });
  }

  /**
   * Opens a serial console or other character device of a running domain. It gets a socket of its own:
   * a reader who does not read then holds back this console only, and not the rest of libvirt. An answer that does
   * not come in the time for connecting is not waited for: with the socket libvirtd lets go of the console too.
   */
  async openConsole(domain: DomainRef, device: string | null = null, flags = 0): Promise<Duplex> {
    const connection = await this.#open({ keepalive: false });
    try {
      const stream = await connection.openStream(
        'domain_open_console',
        { dom: domain, device, flags },
        { timeoutMs: this.#settings.connectTimeoutMs },
      );
      const stop = (): void => connection.end(new ConnectionLostError('the libvirt client was closed'));
      this.#closing.signal.addEventListener('abort', stop, { once: true });
      stream.once('close', () => {
        this.#closing.signal.removeEventListener('abort', stop);
        connection.finish(new ConnectionLostError('the console was closed'));
      });
      return stream;
    } catch (error) {
      connection.end(new ConnectionLostError('the console could not be opened'));
      throw error;
    }
  }

  /** Dials and shakes hands. */
  async #open(options: { keepalive: Settings['keepalive']; events?: EventHub }): Promise<Connection> {
    const { connectTimeoutMs, maxInFlight, maxQueued, readOnly } = this.#settings;
    const { keepalive, events } = options;
    const timeout = AbortSignal.timeout(connectTimeoutMs);
    const socket = await dial(this.#target.address, AbortSignal.any([timeout, this.#closing.signal]));
    const onMessage = events === undefined ? {} : { onMessage: events.receive };
    const connection = new Connection(socket, { maxInFlight, maxQueued, ...onMessage });
    const late = setTimeout(() => {
      connection.end(new Error(`libvirtd did not shake hands in ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    try {
      const flags = readOnly ? READ_ONLY : 0;
      await shakeHands(connection, {
        name: this.#target.name,
        flags,
        ...(keepalive === false ? {} : { keepalive }),
      });
      await events?.register(connection);
      return connection;
    } catch (error) {
      connection.end(new ConnectionLostError('the handshake failed', { cause: error }));
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  async #establish(): Promise<void> {
    this.#state = 'connecting';
    const connection = await this.#open({ keepalive: this.#settings.keepalive, events: this.#hub });
    if (this.#closing.signal.aborted) {
      connection.end(this.#closing.signal.reason);
      throw this.#closing.signal.reason;
    }
    this.#connection = connection;
    this.#state = 'connected';
    this.#lastFailure = undefined;
    this.#hub.announce({ type: 'connected' });
    void connection.ended.then((reason) => this.#lost(reason));
  }

  async #lost(reason: Error): Promise<void> {
    if (this.#state === 'closed') return;
    this.#connection = undefined;
    this.#lastFailure = reason;
    this.#hub.announce({ type: 'disconnected', reason: reason.message });
    const { reconnect } = this.#settings;
    if (reconnect === false) return this.close();
    const backoff = new Backoff(reconnect);
    while (!this.#closing.signal.aborted) {
      this.#state = 'waiting';
      try {
        await sleep(backoff.next(), undefined, { signal: this.#closing.signal });
        return await this.#establish();
      } catch (error) {
        // Subscribers know by `disconnected`; the next attempt follows, or close() has ended the loop.
        this.#lastFailure = error instanceof Error ? error : new Error(String(error));
      }
    }
    this.#state = 'closed';
  }
}
