// How long to wait before trying again: doubling, with jitter, up to a limit.

export interface BackoffOptions {
  /** First wait in milliseconds. */
  minMs: number;
  /** No wait is longer, in milliseconds. */
  maxMs: number;
}

/** Jitter keeps many agents from returning to a restarted daemon in the same instant. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: () => number;
  #attempt = 0;

  constructor(options: BackoffOptions, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  /** Milliseconds to wait now: between half and all of the doubled limit. */
  next(): number {
    const limit = Math.min(this.#options.maxMs, this.#options.minMs * 2 ** this.#attempt);
    this.#attempt = Math.min(this.#attempt + 1, 30);
    return limit * (0.5 + this.#random() / 2);
  }

  /** It worked: the next failure begins anew. */
  reset(): void {
    this.#attempt = 0;
  }
}
