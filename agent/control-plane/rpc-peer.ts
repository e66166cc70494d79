// One end of a JSON-RPC conversation: answers requests, matches answers to its own, and bounds both.

import { InnkeeperError } from '../resources/errors.ts';
import type { Clock } from './clock.ts';
import {
  errorMessage,
  faultMessage,
  parseMessage,
  RPC_NUMBER,
  RpcFault,
  type RpcRequest,
  type RpcResponse,
  resultMessage,
} from './json-rpc.ts';
import { callFailed, type RpcHandler } from './rpc-handler.ts';

/** What a peer needs. */
export interface PeerOptions {
  clock: Clock;
  /** Resolves when the text has left; rejects when the connection is gone. */
  send(text: string): Promise<void>;
  handle: RpcHandler;
  log: { debug(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Requests of the other side being carried out at once; the next is refused. */
  maxInFlight: number;
  /** Time the other side has to answer, in ms. */
  answerTime: number;
}

interface Waiter {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** See the file's purpose. */
export class RpcPeer {
  readonly #options: PeerOptions;
  readonly #waiting = new Map<number, Waiter>();
  #lastId = 0;
  #inFlight = 0;
  #closed: Error | undefined;

  constructor(options: PeerOptions) {
    this.#options = options;
  }

  /** Sends a request and waits for its answer; rejects on an error answer, a time-out or the end of the link. */
  request(method: string, params: object): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#closed);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const late = () =>
        settle(() => reject(new Error(`The control plane did not answer ${method} in time.`)));
      const cancel = this.#options.clock.after(this.#options.answerTime, late);
      const settle = (outcome: () => void) => {
        cancel();
        this.#waiting.delete(id);
        outcome();
      };
      this.#waiting.set(id, {
        resolve: (result) => settle(() => resolve(result)),
        reject: (error) => settle(() => reject(error)),
      });
      const text = JSON.stringify({ jsonrpc: '2.0', id, method, params });
      this.#options.send(text).catch((error: Error) => this.#waiting.get(id)?.reject(error));
    });
  }

  /** Sends a notification; resolves when it has left. */
  notify(method: string, params: unknown): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    return this.#options.send(JSON.stringify({ jsonrpc: '2.0', method, params }));
  }

  /** Takes one text message from the other side. Never throws. */
  receive(text: string): void {
    try {
      const message = parseMessage(text);
      if (message.kind === 'response') this.#answered(message.response);
      else void this.#serve(message.request);
    } catch (error) {
      const fault = error instanceof RpcFault ? error : new RpcFault(-32603, String(error));
      this.#options.log.warn({ err: fault.message }, 'the control plane sent something that is no message');
      this.#reply(faultMessage(fault));
    }
  }

  /** Wakes everyone who waits for an answer that will not come. */
  close(reason: Error): void {
    this.#closed = reason;
    for (const waiter of [...this.#waiting.values()]) waiter.reject(reason);
  }

  async #serve({ id, method, params = {} }: RpcRequest): Promise<void> {
    const { maxInFlight, handle, log } = this.#options;
    if (this.#inFlight >= maxInFlight) {
      const busy = new InnkeeperError(
        'no-capacity',
        `More than ${maxInFlight} requests at once on one link.`,
      );
      if (id !== undefined) this.#reply(errorMessage(id, RPC_NUMBER['no-capacity'], busy));
      return;
    }
    this.#inFlight++;
    try {
      const result = await handle(method, params);
      if (id !== undefined) this.#reply(resultMessage(id, result));
    } catch (error) {
      const { number, body } = callFailed(error);
      if (body.code === 'internal') log.warn({ err: error, method }, 'a request of the control plane failed');
      if (id !== undefined) this.#reply(errorMessage(id, number, body));
    } finally {
      this.#inFlight--;
    }
  }

  /** An answer that cannot leave is lost with its connection; the caller asks again with the same request id. */
  #reply(text: string): void {
    this.#options
      .send(text)
      .catch((error) => this.#options.log.debug({ err: error }, 'an answer was not sent'));
  }

  #answered(response: RpcResponse): void {
    const waiter = typeof response.id === 'number' ? this.#waiting.get(response.id) : undefined;
    if (!waiter) this.#options.log.debug({ id: String(response.id) }, 'an answer to nothing we asked');
    else if (response.error === undefined) waiter.resolve(response.result);
    else
      waiter.reject(new Error(`The control plane refused: ${JSON.stringify(response.error).slice(0, 500)}`));
  }
}
