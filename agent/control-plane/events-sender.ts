// Sends stored events in order and stops when too many are unacknowledged, so that a slow reader costs no memory.
import type { AgentApi } from '../methods.ts';
import { InnkeeperError } from '../resources/errors.ts';

/** What a sender needs. */
export interface EventsSenderOptions {
  agent: Pick<AgentApi, 'events' | 'acknowledge'>;
  /** Name of the control plane whose acknowledgements these are. */
  name: string;
  /** Events that may be under way without an acknowledgement. */
  window: number;
  /** Resolves when the event has left. */
  send(event: object): Promise<void>;
  log: { warn(fields: object, message: string): void };
}

/** One connection's delivery; the next connection begins anew after the last acknowledged event. */
export class EventsSender {
  readonly #options: EventsSenderOptions;
  #underWay: number[] = [];
  #lastSent = 0;
  #acknowledged = 0;
  #stored = 0;
  #storing = false;
  #room: () => void = () => undefined;

  constructor(options: EventsSenderOptions) {
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
      for await (const event of this.#options.agent.events(after, signal)) {
        await this.#waitForRoom(signal);
        if (signal.aborted) return;
        this.#lastSent = event.seq;
        this.#underWay.push(event.seq);
        await this.#options.send(event);
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  /**
   * Every event up to `seq` is kept by the other side. Late and repeated ones change nothing.
   * @throws InnkeeperError `invalid` for an event that was never sent: to believe it would lose events
   */
  acknowledge(seq: number): void {
    if (seq > this.#lastSent) {
      throw new InnkeeperError(
        'invalid',
        `Event ${seq} has not been sent on this link; the last was ${this.#lastSent}.`,
      );
    }
    if (seq <= this.#acknowledged) return;
    this.#acknowledged = seq;
    const kept = this.#underWay.findIndex((each) => each > seq);
    this.#underWay.splice(0, kept === -1 ? this.#underWay.length : kept);
    this.#room();
    void this.#store();
  }

  /** Loops because another event may have been let in between the wake-up and here. */
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
        await this.#options.agent.acknowledge(this.#options.name, seq);
        this.#stored = seq;
      }
    } catch (error) {
      this.#options.log.warn(
        { err: error },
        'an acknowledgement was not stored; its events will be sent again',
      );
    } finally {
      this.#storing = false;
    }
  }
}
