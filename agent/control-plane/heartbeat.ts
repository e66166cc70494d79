// Notices a peer that has gone without saying so: asks when it has been silent, gives up when it stays so.
import type { Clock } from './clock.ts';

/** Times in ms, and what to do. */
export interface HeartbeatOptions {
  clock: Clock;
  /** Silence after which the peer is asked. */
  interval: number;
  /** Silence after the question that counts as death. */
  timeout: number;
  ping(): void;
  dead(): void;
}

/** Runs from construction until `stop` or `dead`. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #cancel: () => void;
  #stopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#cancel = options.clock.after(options.interval, () => this.#ask());
  }

  /** Anything at all has come from the peer. */
  heard(): void {
    // A frame may still be on its way in after the end; it must not wind the clock up again.
    if (this.#stopped) return;
    this.#cancel();
    this.#cancel = this.#options.clock.after(this.#options.interval, () => this.#ask());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #ask(): void {
    this.#cancel = this.#options.clock.after(this.#options.timeout, () => {
      this.stop();
      this.#options.dead();
    });
    this.#options.ping();
  }
}
