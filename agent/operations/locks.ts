// One lock per resource, named by the operation that holds it; who comes second waits its turn.

interface Waiter {
  keys: string[];
  holder: string;
  grant(): void;
}

/** Lets go of some of the keys that were granted together, or of all that are left. */
export type Release = (keys?: string[]) => void;

export class ResourceLocks {
  readonly #held = new Map<string, string>();
  readonly #waiting: Waiter[] = [];

  /** Name of the operation that holds `key`, if one does. */
  holder(key: string): string | undefined {
    return this.#held.get(key);
  }

  /** Resolves when `holder` has all of `keys`; first come, first served for each key. */
  acquire(keys: string[], holder: string): Promise<Release> {
    return new Promise((resolve) => {
      const grant = () => resolve(this.#hold(keys, holder));
      this.#waiting.push({ keys, holder, grant });
      this.#serve();
    });
  }

  /** Takes keys that nobody else can know yet: of what is only now being made. */
  take(keys: string[], holder: string): Release {
    return this.#hold(keys, holder);
  }

  #hold(keys: string[], holder: string): Release {
    const mine = new Set(keys);
    for (const key of mine) this.#held.set(key, holder);
    return (some = [...mine]) => {
      // What was let go before may be somebody else's by now.
      for (const key of some) if (mine.delete(key)) this.#held.delete(key);
      this.#serve();
    };
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
