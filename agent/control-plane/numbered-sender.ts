// Sends stored things in order and stops when too many are unacknowledged, so that a slow reader costs no memory.
import { InnkeeperError } from '../resources/errors.ts';

/** An event, or a batch of samples under the number of its last one. */
export interface Numbered {
  readonly seq: number;
}

/** What a sender needs. */
export interface NumberedSenderOptions<T extends Numbered> {
  /** What it sends, for error messages: "Event". */
  what: string;
  /** Everything above `after` in order, then each new one. */
  follow(after: number, signal: AbortSignal): AsyncIterable<T>;
  /** Remembers what the other side has kept. */
  acknowledge(seq: number): Promise<void>;
  /** How many may be under way without an acknowledgement. */
  window: number;
  /** Resolves when it has left. */
  send(one: T): Promise<void>;
  log: { warn(fields: object, message: string): void };
}

/** One connection's delivery; the next connection begins anew after the last acknowledged number. */
export class NumberedSender<T extends Numbered> {
  readonly #options: NumberedSenderOptions<T>;
  #underWay: number[] = [];
  #lastSent = 0;
  #acknowledged = 0;
  #stored = 0;
  #storing = false;
  #room: () => void = () => undefined;

  constructor(options: NumberedSenderOptions<T>) {
    this.#options = options;
  }

  /** Sends everything above `after` until the signal aborts. */
  async run(after: number, signal: AbortSignal): Promise<void> {
    this.#lastSent = after;
    this.#acknowledged = after;
    this.#stored = after;
    const wake = () => this.#room();
    signal.addEventListener('abort', wake);
    try {
      for await (const one of this.#options.follow(after, signal)) {
        await this.#waitForRoom(signal);
        if (signal.aborted) return;
        this.#lastSent = one.seq;
        this.#underWay.push(one.seq);
        await this.#options.send(one);
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  /**
   * Everything up to `seq` is kept by the other side. Late and repeated ones change nothing.
   * @throws InnkeeperError `invalid` for one that was never sent: to believe it would lose others
   */
  acknowledge(seq: number): void {
    if (seq > this.#lastSent) {
      const why = `${this.#options.what} ${seq} has not been sent on this link; the last was ${this.#lastSent}.`;
      throw new InnkeeperError('invalid', why);
    }
    if (seq <= this.#acknowledged) return;
    this.#acknowledged = seq;
    const kept = this.#underWay.findIndex((each) => each > seq);
    this.#underWay.splice(0, kept === -1 ? this.#underWay.length : kept);
    this.#room();
    void this.#store();
  }

  /** Loops because another one may have been let in between the wake-up and here. */
  async #waitForRoom(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#underWay.length >= this.#options.window) {
      await new Promise<void>((resolve) => {
        this.#room = resolve;
      });
    }
  }

  /** One write at a time; what is acknowledged meanwhile goes with the next. */
  async #store(): Promise<void> {
    if (this.#storing) return;
    this.#storing = true;
    try {
      while (this.#stored < this.#acknowledged) {
        const seq = this.#acknowledged;
        await this.#options.acknowledge(seq);
        this.#stored = seq;
      }
    } catch (error) {
      const fields = { err: error, what: this.#options.what };
      this.#options.log.warn(fields, 'an acknowledgement was not stored; it will be sent again');
    } finally {
      this.#storing = false;
    }
  }
}
