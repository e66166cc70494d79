// How long to wait before dialling again: longer each time, never the same for two hosts, never for ever.

/** Bounds of the waiting, in ms. */
export interface BackoffOptions {
  /** Shortest wait: also the most often that a control plane refusing us is asked. */
  min: number;
  /** Ceiling of the first wait; doubles with each failure. */
  first: number;
  /** Highest ceiling. */
  max: number;
  /** Number in [0, 1); Math.random if absent. */
  random?: () => number;
}

/** Waits of the default link: a thousand hosts that lose their control plane together come back spread out. */
export const DEFAULT_BACKOFF: BackoffOptions = { min: 200, first: 2_000, max: 60_000 };

/** Exponential back-off with full jitter: each wait is random below a ceiling that doubles. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: () => number;
  #ceiling: number;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#ceiling = options.first;
  }

  /** The wait before the next attempt, in ms. */
  next(): number {
    const { min, max } = this.#options;
    const wait = min + this.#random() * Math.max(0, this.#ceiling - min);
    this.#ceiling = Math.min(max, this.#ceiling * 2);
    return Math.round(wait);
  }

  /** Begins anew; to be called once a connection has proved good, not when it merely opened. */
  reset(): void {
    this.#ceiling = this.#options.first;
  }
}
