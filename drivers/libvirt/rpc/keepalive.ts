// Notices a peer that no longer answers: libvirt's keepalive program, both sides of it.
import { encodeFrame, type Frame, MESSAGE_STATUS, MESSAGE_TYPE, PROGRAMS } from './frame.ts';

const PING = 1;
const PONG = 2;

/** The clock, from outside, so that tests need not wait. */
export interface Timers {
  setInterval(callback: () => void, ms: number): unknown;
  clearInterval(handle: unknown): void;
}

const SYSTEM_TIMERS: Timers = {
  setInterval: (callback, ms) => setInterval(callback, ms),
  clearInterval: (handle) => clearInterval(handle as NodeJS.Timeout),
};

export interface KeepaliveOptions {
  /** Milliseconds between pings. */
  intervalMs: number;
  /** Pings without any sign of life after which the peer counts as dead. */
  count: number;
}

function packet(procedure: number): Buffer {
  return encodeFrame({
    program: PROGRAMS.keepalive,
    version: 1,
    procedure,
    type: MESSAGE_TYPE.message,
    serial: 0,
    status: MESSAGE_STATUS.ok,
  });
}

/** Answers pings from the beginning; sends its own only after {@link Keepalive.start}. */
export class Keepalive {
  readonly #send: (bytes: Buffer) => void;
  readonly #timers: Timers;
  #timer: unknown;
  #unanswered = 0;

  constructor(send: (bytes: Buffer) => void, timers: Timers = SYSTEM_TIMERS) {
    this.#send = send;
    this.#timers = timers;
  }

  /** Begins to ping; `dead` is called once when the peer has been silent for `count` pings. */
  start(options: KeepaliveOptions, dead: (silentMs: number) => void): void {
    this.stop();
    this.#timer = this.#timers.setInterval(() => {
      if (this.#unanswered >= options.count) {
        this.stop();
        dead(options.intervalMs * options.count);
        return;
      }
      this.#unanswered++;
      this.#send(packet(PING));
    }, options.intervalMs);
  }

  /** Anything at all came from the peer: it lives. */
  heard(): void {
    this.#unanswered = 0;
  }

  /** A packet of the keepalive program. */
  receive(frame: Frame): void {
    if (frame.procedure === PING) this.#send(packet(PONG));
  }

  stop(): void {
    if (this.#timer !== undefined) this.#timers.clearInterval(this.#timer);
    this.#timer = undefined;
    this.#unanswered = 0;
  }
}
