// What was observed, whether it held, and how long things took; the account for a person and for a program.

export class Observations {
  readonly evidence: Record<string, unknown> = {};
  /** Milliseconds. */
  readonly times: Record<string, number> = {};
  readonly failed: string[] = [];
  readonly #begin = performance.now();
  #held = true;

  /** Puts one observation on record. The next `say` is printed as true or as not true by it. */
  line(name: string, held: boolean, evidence: object): void {
    this.evidence[name] = { held, ...evidence };
    this.#held = held;
    if (!held) this.failed.push(name);
  }

  /** One line of the account. */
  say(sentence: string): void {
    console.log(`${this.#held ? '  ok ' : '  NOT TRUE '} ${sentence}`);
    this.#held = true;
  }

  /** Takes the time of one piece of work. */
  async timed<T>(name: string, work: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    try {
      return await work();
    } finally {
      this.times[name] = Math.round(performance.now() - begin);
    }
  }

  /** The last line of a check. */
  toJson(error?: Error): string {
    this.times.total = Math.round(performance.now() - this.#begin);
    const ok = error === undefined && this.failed.length === 0;
    const { evidence, times, failed } = this;
    return JSON.stringify({ ok, ...(error ? { error: error.message } : {}), failed, evidence, times });
  }
}
