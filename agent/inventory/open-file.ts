// Opens the inventory's SQLite file and brings its schema up to date, keeping a copy of what it was.
import { closeSync, openSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { MIGRATIONS } from './schema.ts';

/** Where the inventory is copied to before its schema `version` becomes a newer one. */
export function copyPath(path: string, version: number): string {
  return `${path}.schema-${version}`;
}

/** What kind of file it is, where it is not the inventory. */
export interface FileOptions {
  /** As in schema.ts. */
  migrations?: readonly string[];
  /** NORMAL: after a power cut the latest writes may be missing; nothing else is wrong. */
  synchronous?: 'FULL' | 'NORMAL';
}

/**
 * Called in the database's own thread: everything here is synchronous. A copy is made whole by SQLite itself, under
 * another name than any database; for a downgrade it is put back (docs/upgrade.md).
 * @throws Error when the file has a newer schema than this agent knows, or cannot be copied
 */
export function openFile(path: string, options: FileOptions = {}): DatabaseSync {
  const { migrations = MIGRATIONS, synchronous = 'FULL' } = options;
  ownerOnly(path);
  const db = new DatabaseSync(path);
  try {
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA busy_timeout = 5000;`);
    migrate(db, path, migrations);
    return db;
  } catch (error) {
    // What a failed migration began is taken back with its connection.
    db.close();
    throw error;
  }
}

function migrate(db: DatabaseSync, path: string, migrations: readonly string[]): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  if (version > migrations.length) {
    throw new Error(
      `it has schema ${version}, and this agent knows ${migrations.length}: install a newer agent`,
    );
  }
  if (version > 0 && version < migrations.length) copy(db, copyPath(path, version));
  for (let next = version; next < migrations.length; next++) {
    db.exec(`BEGIN IMMEDIATE; ${migrations[next]}; PRAGMA user_version = ${next + 1}; COMMIT;`);
  }
}

/** User data is nobody else's business; SQLite gives its other files the mode of this one. */
function ownerOnly(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
}

/** One of an earlier attempt may be there: the migration that followed it did not happen, so this is the same. */
function copy(db: DatabaseSync, target: string): void {
  rmSync(target, { force: true });
  ownerOnly(target);
  db.prepare('VACUUM INTO ?').run(target);
}
