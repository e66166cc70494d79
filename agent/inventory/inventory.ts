// The inventory: every resource of this host in memory, and each change on disk before it counts.
import type { DiskImage } from '../resources/disk-image.ts';
import type { PublicIp } from '../resources/public-ip.ts';
import type { VDisk } from '../resources/vdisk.ts';
import type { VNet, VNic } from '../resources/vnet.ts';
import type { VServer } from '../resources/vserver.ts';
import { Database, type Statement } from './database.ts';
import type { StoredEvent } from './outbox.ts';
import { Transaction } from './transaction.ts';

/** The resources kept, by kind. */
export interface Resources {
  vserver: VServer;
  vdisk: VDisk;
  vnic: VNic;
  vnet: VNet;
  publicip: PublicIp;
  image: DiskImage;
}
export type ResourceKind = keyof Resources;
export type Tables = { [K in ResourceKind]: Map<string, Resources[K]> };

/** A change as its listeners see it, after it is on disk. `value` is absent when it is gone. */
export interface Change<K extends ResourceKind = ResourceKind> {
  kind: K;
  id: string;
  before: Resources[K] | undefined;
  value: Resources[K] | undefined;
}

export interface Commit {
  changes: Change[];
  events: StoredEvent[];
}

/**
 * Reads are synchronous and see only what is committed; changes go one after another through
 * `transact`, so that a check made inside one still holds when it is written.
 */
export class Inventory {
  readonly database: Database;
  readonly hostId: string;
  readonly tables: Tables;
  readonly #listeners = new Set<(commit: Commit) => void>();
  #queue: Promise<unknown> = Promise.resolve();
  #lastSequence: number;

  private constructor(database: Database, hostId: string, tables: Tables, lastSequence: number) {
    this.database = database;
    this.hostId = hostId;
    this.tables = tables;
    this.#lastSequence = lastSequence;
  }

  /** Opens the file and loads every resource. @throws InnkeeperError */
  static async open(path: string): Promise<Inventory> {
    const database = await Database.open(path);
    await database.write([["INSERT OR IGNORE INTO meta VALUES ('host-id', lower(hex(randomblob(16))))"]]);
    const [meta] = await database.read("SELECT value FROM meta WHERE key = 'host-id'");
    const tables: Tables = {
      vserver: new Map(),
      vdisk: new Map(),
      vnic: new Map(),
      vnet: new Map(),
      publicip: new Map(),
      image: new Map(),
    };
    for (const row of await database.read('SELECT kind, id, document FROM resource')) {
      const table = tables[row.kind as ResourceKind] as Map<string, unknown>;
      table.set(String(row.id), JSON.parse(String(row.document)));
    }
    const [last] = await database.read("SELECT seq FROM sqlite_sequence WHERE name = 'event'");
    return new Inventory(database, String(meta!.value), tables, Number(last?.seq ?? 0));
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  get<K extends ResourceKind>(kind: K, id: string): Resources[K] | undefined {
    return this.tables[kind].get(id);
  }

  list<K extends ResourceKind>(kind: K): Resources[K][] {
    return [...this.tables[kind].values()];
  }

  /**
   * Runs `change` when every earlier change is on disk; what it puts, removes and announces is
   * committed as a whole, or, if it throws or the disk refuses, not at all.
   */
  transact<T>(change: (tx: Transaction) => T): Promise<T> {
    const turn = this.#queue.then(() => this.#commit(change));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** Calls `listener` after each commit, in order. */
  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.database.close();
  }

  async #commit<T>(change: (tx: Transaction) => T): Promise<T> {
    const tx = new Transaction(this.tables, this.#lastSequence);
    const result = change(tx);
    const statements: Statement[] = tx.statements();
    if (statements.length === 0) return result;
    await this.database.write(statements);
    this.#lastSequence += tx.events.length;
    const changes = tx.apply();
    for (const listener of this.#listeners) listener({ changes, events: tx.events });
    return result;
  }
}
