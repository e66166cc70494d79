// A bounded queue between one producer that must never wait and one consumer that may be slow.

export interface EventQueueOptions<T> {
  /** Items held at most. */
  capacity: number;
  /** What the consumer sees in place of the oldest `dropped` items that had to go. */
  overflow: (dropped: number) => T;
  /** Called once when the consumer leaves or the producer ends. */
  onEnd?: () => void;
}

/**
 * An async iterator over pushed items. When full, the oldest items give way (the newest say how things
 * are), and the consumer is told how many it missed, so that it can ask for the whole truth.
 */
export class EventQueue<T> implements AsyncIterableIterator<T> {
  readonly #options: EventQueueOptions<T>;
  /** A ring of `capacity` places, grown on demand: dropping the oldest costs nothing. */
  #items: (T | undefined)[] = [];
  #first = 0;
  #size = 0;
  #dropped = 0;
  #ended = false;
  readonly #waiters: ((result: IteratorResult<T>) => void)[] = [];

  constructor(options: EventQueueOptions<T>) {
    if (options.capacity < 1) throw new RangeError('a queue needs a capacity of at least 1');
    this.#options = options;
  }

  /** Items waiting to be consumed; never above the capacity. */
  get size(): number {
    return this.#size;
  }

  /** Adds an item; never blocks, never throws; ignored after the end. */
  push(item: T): void {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter({ done: false, value: item });
      return;
    }
    if (this.#size === this.#options.capacity) {
      this.#take();
      this.#dropped++;
    }
    this.#items[(this.#first + this.#size) % this.#options.capacity] = item;
    this.#size++;
  }

  /** No more items will come; those waiting are still delivered. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const waiter of this.#waiters.splice(0)) waiter({ done: true, value: undefined });
    this.#options.onEnd?.();
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#dropped > 0) {
      const value = this.#options.overflow(this.#dropped);
      this.#dropped = 0;
      return Promise.resolve({ done: false, value });
    }
    if (this.#size > 0) return Promise.resolve({ done: false, value: this.#take() });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    const { promise, resolve } = Promise.withResolvers<IteratorResult<T>>();
    this.#waiters.push(resolve);
    return promise;
  }

  /** The consumer leaves (a `break` in `for await`). */
  return(): Promise<IteratorResult<T>> {
    this.end();
    this.#items = [];
    this.#size = 0;
    this.#dropped = 0;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): T {
    const item = this.#items[this.#first] as T;
    this.#items[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.#options.capacity;
    this.#size--;
    return item;
  }
}
