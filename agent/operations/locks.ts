// One lock per resource, named by the operation that holds it; who comes second waits its turn.

interface Waiter {
  keys: string[];
  holder: string;
  grant(): void;
}

export class ResourceLocks {
  readonly #held = new Map<string, string>();
  readonly #waiting: Waiter[] = [];

  /** Name of the operation that holds `key`, if one does. */
  holder(key: string): string | undefined {
    return this.#held.get(key);
  }

  /** Resolves when `holder` has all of `keys`; first come, first served for each key. */
  acquire(keys: string[], holder: string): Promise<() => void> {
    return new Promise((resolve) => {
      const grant = () => {
        for (const key of keys) this.#held.set(key, holder);
        resolve(() => this.#release(keys));
      };
      this.#waiting.push({ keys, holder, grant });
      this.#serve();
    });
  }

  #release(keys: string[]): void {
    for (const key of keys) this.#held.delete(key);
    this.#serve();
  }

  /** Grants every waiter whose keys are free and not wanted by somebody before it. */
  #serve(): void {
    const wanted = new Set<string>();
    for (const waiter of [...this.#waiting]) {
      const free = waiter.keys.every((key) => !this.#held.has(key) && !wanted.has(key));
      if (free) {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        waiter.grant();
      } else for (const key of waiter.keys) wanted.add(key);
    }
  }
}
