// One change of the inventory while it is being put together: an overlay over what is committed.
import type { Statement } from './database.ts';
import type { Change, ResourceKind, Resources, Tables } from './inventory.ts';
import type { StoredEvent } from './outbox.ts';

export class Transaction {
  readonly events: StoredEvent[] = [];
  readonly #tables: Tables;
  readonly #overlay = new Map<ResourceKind, Map<string, unknown>>();
  readonly #extra: Statement[] = [];
  readonly #firstSequence: number;

  constructor(tables: Tables, lastSequence: number) {
    this.#tables = tables;
    this.#firstSequence = lastSequence + 1;
  }

  get<K extends ResourceKind>(kind: K, id: string): Resources[K] | undefined {
    const overlay = this.#overlay.get(kind);
    if (overlay?.has(id)) return overlay.get(id) as Resources[K] | undefined;
    return this.#tables[kind].get(id);
  }

  list<K extends ResourceKind>(kind: K): Resources[K][] {
    const overlay = this.#overlay.get(kind);
    if (!overlay) return [...this.#tables[kind].values()];
    const merged = new Map<string, unknown>(this.#tables[kind]);
    for (const [id, value] of overlay) {
      if (value === undefined) merged.delete(id);
      else merged.set(id, value);
    }
    return [...merged.values()] as Resources[K][];
  }

  /** Stores a whole resource, new or changed. Resources are never changed in place. */
  put<K extends ResourceKind>(kind: K, value: Resources[K]): void {
    this.#changes(kind).set(value.id, value);
  }

  /** Changes some attributes of a resource that exists; undefined removes an optional one. */
  patch<K extends ResourceKind>(
    kind: K,
    id: string,
    attributes: { [A in keyof Resources[K]]?: Resources[K][A] | undefined },
  ): void {
    const before = this.get(kind, id);
    if (before) this.put(kind, { ...before, ...attributes } as Resources[K]);
  }

  remove(kind: ResourceKind, id: string): void {
    this.#changes(kind).set(id, undefined);
  }

  /** Announces something; it leaves through the outbox once this change is on disk. */
  event(type: string, ids: Record<string, string>, data: Record<string, unknown> = {}): void {
    const seq = this.#firstSequence + this.events.length;
    this.events.push({ seq, time: new Date().toISOString(), type, ids, data });
  }

  /** A row of another table (journal, receivers) that must be written together with the rest. */
  also(...statement: Statement): void {
    this.#extra.push(statement);
  }

  /** Everything as SQL. */
  statements(): Statement[] {
    const statements: Statement[] = [...this.#extra];
    for (const [kind, changes] of this.#overlay) {
      for (const [id, value] of changes) {
        if (value === undefined)
          statements.push(['DELETE FROM resource WHERE kind = ? AND id = ?', kind, id]);
        else
          statements.push([
            'INSERT INTO resource VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document',
            kind,
            id,
            JSON.stringify(value),
          ]);
      }
    }
    for (const { seq, time, type, ids, data } of this.events) {
      const row: Statement = ['INSERT INTO event VALUES (?, ?, ?, ?, ?)', seq, time, type];
      statements.push([...row, JSON.stringify(ids), JSON.stringify(data)]);
    }
    return statements;
  }

  /** Makes the change visible to readers; called once it is on disk. */
  apply(): Change[] {
    const changes: Change[] = [];
    for (const [kind, entries] of this.#overlay) {
      const table = this.#tables[kind] as Map<string, unknown>;
      for (const [id, value] of entries) {
        changes.push({ kind, id, before: table.get(id), value } as Change);
        if (value === undefined) table.delete(id);
        else table.set(id, value);
      }
    }
    return changes;
  }

  #changes(kind: ResourceKind): Map<string, unknown> {
    const changes = this.#overlay.get(kind) ?? new Map<string, unknown>();
    this.#overlay.set(kind, changes);
    return changes;
  }
}
