// The outbox: every event since the last one all receivers have acknowledged, in order, then live.
import type { Inventory } from './inventory.ts';
import type { StoredEvent } from './outbox.ts';

/** Events read from the disk at a time, so that a receiver far behind costs bounded memory. */
const PAGE = 500;
/** Events kept although every receiver has them, so that an operator can look back. */
const KEPT_AFTER_ACKNOWLEDGED = 10_000;
/** Events kept at most, when a receiver never comes back. */
const KEPT_AT_MOST = 1_000_000;
/** Acknowledged events are cleared away once in so many acknowledgements. */
const PRUNE_EVERY = 100;

export class EventLog {
  readonly #inventory: Inventory;
  readonly #receivers: Map<string, number>;
  #acknowledgements = 0;

  private constructor(inventory: Inventory, receivers: Map<string, number>) {
    this.#inventory = inventory;
    this.#receivers = receivers;
  }

  static async open(inventory: Inventory): Promise<EventLog> {
    const rows = await inventory.database.read('SELECT name, acknowledged FROM receiver');
    return new EventLog(inventory, new Map(rows.map((row) => [String(row.name), Number(row.acknowledged)])));
  }

  /** Last event `receiver` has acknowledged; 0 for one never seen. */
  acknowledged(receiver: string): number {
    return this.#receivers.get(receiver) ?? 0;
  }

  /** Last event acknowledged, by receiver. */
  get receivers(): ReadonlyMap<string, number> {
    return this.#receivers;
  }

  /** Notes that `receiver` has everything up to `seq`; going back is ignored. */
  async acknowledge(receiver: string, seq: number): Promise<void> {
    const known = Math.min(seq, this.#inventory.lastSequence);
    if (known < this.acknowledged(receiver) || (known === 0 && this.#receivers.has(receiver))) return;
    this.#receivers.set(receiver, known);
    const sql =
      'INSERT INTO receiver VALUES (?, ?) ON CONFLICT DO UPDATE SET acknowledged = excluded.acknowledged';
    await this.#inventory.database.write([[sql, receiver, known]]);
    if (++this.#acknowledgements % PRUNE_EVERY === 0) await this.#prune();
  }

  /** Every event above `after`, then each new one once committed; ends when `signal` is aborted. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<StoredEvent> {
    let position = after;
    while (!signal.aborted) {
      const page = await this.#page(position);
      for (const event of page) {
        if (signal.aborted) return;
        position = event.seq;
        yield event;
      }
      if (page.length === 0) await this.#nextCommitAfter(position, signal);
    }
  }

  async #page(after: number): Promise<StoredEvent[]> {
    if (after >= this.#inventory.lastSequence) return [];
    const rows = await this.#inventory.database.read(
      'SELECT * FROM event WHERE seq > ? ORDER BY seq LIMIT ?',
      after,
      PAGE,
    );
    return rows.map((row) => ({
      seq: Number(row.seq),
      time: String(row.time),
      type: String(row.type),
      ids: JSON.parse(String(row.ids)),
      data: JSON.parse(String(row.data)),
    }));
  }

  #nextCommitAfter(position: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || this.#inventory.lastSequence > position) return resolve();
      const done = () => {
        stop();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const stop = this.#inventory.onCommit(({ events }) => {
        if (events.length > 0) done();
      });
      signal.addEventListener('abort', done);
    });
  }

  async #prune(): Promise<void> {
    const last = this.#inventory.lastSequence;
    const everyoneHas = Math.min(last, ...this.#receivers.values());
    const below = Math.max(everyoneHas - KEPT_AFTER_ACKNOWLEDGED, last - KEPT_AT_MOST);
    if (below > 0) await this.#inventory.database.write([['DELETE FROM event WHERE seq <= ?', below]]);
  }
}
