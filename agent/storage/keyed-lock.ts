// One task at a time per key; different keys do not wait for each other.

/** Serialises tasks by key, in the order they came. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** True while a task with `key` runs or waits. */
  has(key: string): boolean {
    return this.#tails.has(key);
  }

  /** Runs `task` when all earlier ones of the same key are over, however they ended. */
  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const result = before.then(task, task);
    const tail = result
      .catch(() => {})
      .then(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    this.#tails.set(key, tail);
    return result;
  }
}
