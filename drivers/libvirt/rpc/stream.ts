// A libvirt stream (console, volume data) as a Node Duplex.
import { Duplex } from 'node:stream';
import { ConnectionLostError, ProtocolError } from '../errors.ts';
import { readError } from './call.ts';
import { type Frame, MESSAGE_STATUS, STREAM_PAYLOAD_MAX } from './frame.ts';

/** What a stream needs of the connection it runs on. */
export interface StreamCarrier {
  /** Sends one packet of this stream; `sent` is called when the socket took it. */
  send(status: number, data: Uint8Array, sent?: (error?: Error | null) => void): void;
  /** Stops and restarts reading from the socket: the only way to hold libvirtd back. */
  pause(): void;
  resume(): void;
  /** The stream is over; no further packet of it is of interest. */
  release(): void;
}

const EMPTY = new Uint8Array(0);

/**
 * Bytes both ways. Ending it tells libvirt "finished"; destroying it tells libvirt "aborted". Back-pressure
 * works both ways: a reader who does not read stops the socket, a slow daemon delays `write` callbacks.
 */
export class RpcStream extends Duplex {
  readonly #name: string;
  readonly #carrier: StreamCarrier;
  /** Which end announcements went over the wire. */
  #phase: 'open' | 'finished-by-us' | 'over' = 'open';
  #answered = false;

  constructor(name: string, carrier: StreamCarrier) {
    super({ allowHalfOpen: false });
    this.#name = name;
    this.#carrier = carrier;
  }

  /** The reply that opens it is here; from now on a reader who does not read holds libvirtd back. */
  answered(): void {
    this.#answered = true;
    if (this.readableLength >= this.readableHighWaterMark) this.#carrier.pause();
  }

  /** A packet of this stream has arrived, perhaps before the reply: stopping then would stop the reply too. */
  receive(frame: Frame): void {
    if (this.#phase === 'over') return;
    if (frame.status === MESSAGE_STATUS.error) {
      this.#phase = 'over';
      this.destroy(readError(this.#name, frame.body));
    } else if (frame.status === MESSAGE_STATUS.continue && frame.body.length > 0) {
      if (!this.push(frame.body) && this.#answered) this.#carrier.pause();
    } else if (frame.status === MESSAGE_STATUS.continue) {
      this.push(null); // an empty packet: the other side has no more data, but waits for our end
    } else if (frame.status === MESSAGE_STATUS.ok) {
      this.#phase = 'over';
      this.push(null);
    } else {
      this.destroy(new ProtocolError(`stream packet with unknown status ${frame.status}`));
    }
  }

  /** The connection is gone. */
  lost(cause: Error): void {
    this.#phase = 'over';
    this.destroy(
      new ConnectionLostError(`connection lost during ${this.#name}: ${cause.message}`, { cause }),
    );
  }

  override _read(): void {
    this.#carrier.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#phase !== 'open') {
      done();
      return;
    }
    let at = 0;
    while (chunk.length - at > STREAM_PAYLOAD_MAX) {
      this.#carrier.send(MESSAGE_STATUS.continue, chunk.subarray(at, at + STREAM_PAYLOAD_MAX));
      at += STREAM_PAYLOAD_MAX;
    }
    this.#carrier.send(MESSAGE_STATUS.continue, chunk.subarray(at), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#phase !== 'open') {
      done();
      return;
    }
    this.#phase = 'finished-by-us';
    this.#carrier.send(MESSAGE_STATUS.ok, EMPTY, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#phase === 'open') this.#carrier.send(MESSAGE_STATUS.error, EMPTY);
    this.#phase = 'over';
    this.#carrier.resume();
    this.#carrier.release();
    done(error);
  }
}
