// One call from the moment it is made until its caller has an answer and libvirtd has let go of it.
import { CallTimeoutError, ConnectionLostError, LibvirtError, ProtocolError } from '../errors.ts';
import type { Procedure } from '../protocol/procedure.ts';
import { remoteError } from '../protocol/types.ts';
import { type Frame, MESSAGE_STATUS } from './frame.ts';
import { Reader } from './xdr.ts';

export interface CallOptions {
  /** Gives up after this many milliseconds; 0 or absent means never. libvirt is not told (it cannot be). */
  timeoutMs?: number;
  /** Gives up with the signal's reason. */
  signal?: AbortSignal;
  /** Overrides the table: this call may take long (or surely does not). */
  patient?: boolean;
}

/** Reads the error a reply or a stream packet with status "error" carries. */
export function readError(procedure: string, body: Buffer): LibvirtError | ProtocolError {
  try {
    const error = remoteError.decode(new Reader(body));
    return new LibvirtError(procedure, { ...error, message: error.message ?? 'unknown error' });
  } catch (cause) {
    return new ProtocolError(`${procedure} failed with an error that cannot be read`, { cause });
  }
}

/** A promise that is settled once, by whichever comes first: reply, time-out, abort or loss. */
export class PendingCall {
  readonly name: string;
  readonly promise: Promise<unknown>;
  readonly #procedure: Procedure<unknown, unknown>;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  readonly #cleanup: (() => void)[] = [];
  #settled = false;

  constructor(name: string, procedure: Procedure<unknown, unknown>, options: CallOptions) {
    this.name = name;
    this.#procedure = procedure;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#limit(options);
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Runs when the call is settled, whatever way. */
  onSettled(callback: () => void): void {
    this.#cleanup.push(callback);
  }

  /** The reply is here. */
  reply(frame: Frame): void {
    if (frame.status === MESSAGE_STATUS.error) this.fail(readError(this.name, frame.body));
    else this.#succeed(frame.body);
  }

  #succeed(body: Buffer): void {
    try {
      const input = new Reader(body);
      const result = this.#procedure.result.decode(input);
      if (input.remaining > 0) throw new ProtocolError(`${input.remaining} bytes too many`);
      this.#settle();
      this.#resolve(result);
    } catch (cause) {
      this.fail(new ProtocolError(`the reply to ${this.name} cannot be read`, { cause }));
    }
  }

  /** The connection is gone; nobody knows what became of the call. */
  lost(cause: Error): void {
    this.fail(new ConnectionLostError(`connection lost during ${this.name}: ${cause.message}`, { cause }));
  }

  fail(error: unknown): void {
    if (this.#settled) return;
    this.#settle();
    this.#reject(error);
  }

  #limit({ timeoutMs, signal }: CallOptions): void {
    if (signal !== undefined) {
      const abort = (): void => this.fail(signal.reason);
      if (signal.aborted) {
        abort();
        return;
      }
      signal.addEventListener('abort', abort, { once: true });
      this.onSettled(() => signal.removeEventListener('abort', abort));
    }
    if (timeoutMs !== undefined && timeoutMs > 0) {
      const late = (): void =>
        this.fail(new CallTimeoutError(`no answer to ${this.name} in ${timeoutMs} ms`));
      const timer = setTimeout(late, timeoutMs);
      this.onSettled(() => clearTimeout(timer));
    }
  }

  #settle(): void {
    this.#settled = true;
    for (const callback of this.#cleanup) callback();
  }
}
