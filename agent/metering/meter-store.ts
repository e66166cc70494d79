// The samples on disk: numbered, kept for so many rounds and so many bytes, read back in batches.
import { EventEmitter, once } from 'node:events';
import { rename } from 'node:fs/promises';
import type { Logger } from 'pino';
import { Database, type Statement } from '../inventory/database.ts';
import type { Measured, MeterSample } from './sample.ts';

/** Samples read from the disk, and sent, at a time. */
const PAGE = 200;
/** Largest batch, in characters of its JSON: a receiver's messages are bounded, too. */
const BATCH_CHARACTERS = 256 * 1024;
/** Part of all samples that goes when the room is used up, so that it does not happen at every round. */
const DROPPED_PART = 0.05;

const MIGRATIONS = [
  `CREATE TABLE sample (seq INTEGER PRIMARY KEY AUTOINCREMENT, vserver TEXT NOT NULL, document TEXT NOT NULL) STRICT;
   CREATE INDEX sample_by_vserver ON sample (vserver, seq);
   CREATE TABLE round (number INTEGER PRIMARY KEY AUTOINCREMENT, last INTEGER NOT NULL) STRICT;
   CREATE TABLE receiver (name TEXT PRIMARY KEY, acknowledged INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
];
const USED_BYTES = `SELECT (page_count - freelist_count) * page_size AS used
  FROM pragma_page_count, pragma_freelist_count, pragma_page_size`;

export interface MeterBounds {
  /** Rounds of samples that are kept. A clock that jumps must not delete anything, so time is not asked. */
  rounds: number;
  bytes: number;
}

/** Samples of one or more rounds; `seq` is the number of the last one. */
export interface MeterBatch {
  seq: number;
  samples: MeterSample[];
}

/** How its file is opened: beside another one, or in a thread of its own. */
export type OpenDatabase = typeof Database.open;

/** Apart from the inventory, whose writes must be on disk when they count, and which nothing may make large. */
export class MeterStore {
  readonly #database: Database;
  readonly #bounds: MeterBounds;
  readonly #log: Logger;
  readonly #receivers: Map<string, number>;
  readonly #rounds = new EventEmitter().setMaxListeners(0);
  #lastSequence: number;

  private constructor(
    database: Database,
    bounds: MeterBounds,
    log: Logger,
    last: number,
    receivers: Map<string, number>,
  ) {
    this.#database = database;
    this.#bounds = bounds;
    this.#log = log;
    this.#lastSequence = last;
    this.#receivers = receivers;
  }

  /** A file that cannot be used is put aside: samples are worth less than an agent that starts. */
  static async open(
    path: string,
    bounds: MeterBounds,
    log: Logger,
    openDatabase: OpenDatabase = Database.open,
  ): Promise<MeterStore> {
    const options = { migrations: MIGRATIONS, synchronous: 'NORMAL' } as const;
    const database = await openDatabase(path, options).catch(async (error) => {
      log.error({ err: error, path }, 'the samples cannot be read; they are put aside, and begun anew');
      for (const suffix of ['', '-wal', '-shm']) {
        await rename(path + suffix, `${path}.unreadable${suffix}`).catch(() => undefined);
      }
      return await openDatabase(path, options);
    });
    const [last] = await database.read("SELECT seq FROM sqlite_sequence WHERE name = 'sample'");
    const rows = await database.read('SELECT name, acknowledged FROM receiver');
    const receivers = new Map(rows.map((row) => [String(row.name), Number(row.acknowledged)]));
    return new MeterStore(database, bounds, log, Number(last?.seq ?? 0), receivers);
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Last sample that `receiver` has acknowledged; 0 for one never seen. */
  acknowledged(receiver: string): number {
    return this.#receivers.get(receiver) ?? 0;
  }

  /** Notes that `receiver` has everything up to `seq`; going back is ignored. */
  async acknowledge(receiver: string, seq: number): Promise<void> {
    const known = Math.min(seq, this.#lastSequence);
    if (known <= this.acknowledged(receiver)) return;
    this.#receivers.set(receiver, known);
    const sql =
      'INSERT INTO receiver VALUES (?, ?) ON CONFLICT DO UPDATE SET acknowledged = excluded.acknowledged';
    await this.#database.write([[sql, receiver, known]]);
  }

  /** Numbers and keeps one round, and lets go of the oldest. One call at a time. */
  async add(measured: readonly Measured[]): Promise<void> {
    const rows = measured.map((row, index): Statement => {
      const sample: MeterSample = { seq: this.#lastSequence + index + 1, ...row };
      return ['INSERT INTO sample VALUES (?, ?, ?)', sample.seq, sample.vserverId, JSON.stringify(sample)];
    });
    const last = this.#lastSequence + measured.length;
    const old = "(SELECT seq FROM sqlite_sequence WHERE name = 'round') - ?";
    await this.#database.write([
      ...rows,
      ['INSERT INTO round (last) VALUES (?)', last],
      [
        `DELETE FROM sample WHERE seq <= (SELECT max(last) FROM round WHERE number <= ${old})`,
        this.#bounds.rounds,
      ],
      [`DELETE FROM round WHERE number <= ${old}`, this.#bounds.rounds],
    ]);
    this.#lastSequence = last;
    await this.#makeRoom();
    this.#rounds.emit('round');
  }

  /** Batches above `after` in order, then each new one; ends when `signal` is aborted. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<MeterBatch> {
    let position = after;
    while (!signal.aborted) {
      const newest = this.#lastSequence;
      const samples = bounded(await this.#rows('WHERE seq > ? ORDER BY seq', position, PAGE));
      // Without any, all up to the newest were dropped for their age, or there is nothing new.
      position = samples.at(-1)?.seq ?? Math.max(position, newest);
      if (samples.length > 0) yield { seq: position, samples };
      else if (this.#lastSequence <= position) {
        await once(this.#rounds, 'round', { signal }).catch(() => undefined);
      }
    }
  }

  /** Samples above `after`, or the latest ones without it; in order. @param vserver only those of this id */
  async read(limit: number, after?: number, vserver?: string): Promise<MeterSample[]> {
    const own = vserver === undefined ? '' : 'AND vserver = ?';
    const words = vserver === undefined ? [] : [vserver];
    if (after !== undefined) {
      return parsed(await this.#rows(`WHERE seq > ? ${own} ORDER BY seq`, after, ...words, limit));
    }
    return parsed(await this.#rows(`WHERE seq > 0 ${own} ORDER BY seq DESC`, ...words, limit)).reverse();
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async #rows(sql: string, ...parameters: (string | number)[]): Promise<string[]> {
    const rows = await this.#database.read(`SELECT document FROM sample ${sql} LIMIT ?`, ...parameters);
    return rows.map((row) => String(row.document));
  }

  async #makeRoom(): Promise<void> {
    const [room] = await this.#database.read(USED_BYTES);
    if (Number(room?.used) <= this.#bounds.bytes) return;
    const [first] = await this.#database.read('SELECT min(seq) AS seq FROM sample');
    const from = Number(first?.seq ?? 0);
    const below = from + Math.ceil((this.#lastSequence - from + 1) * DROPPED_PART);
    await this.#database.write([['DELETE FROM sample WHERE seq < ?', below]]);
    this.#log.warn({ from, below }, 'the room for samples is used up; the oldest were dropped');
  }
}

/** As many as fit into one batch, at least one. */
function bounded(documents: readonly string[]): MeterSample[] {
  let characters = 0;
  const fitting = documents.filter((document, index) => {
    characters += document.length;
    return index === 0 || characters <= BATCH_CHARACTERS;
  });
  return parsed(fitting);
}

function parsed(documents: readonly string[]): MeterSample[] {
  return documents.map((document) => JSON.parse(document));
}
