// The inventory's tables, one migration per version; each runs once, in one transaction.

/** Version N is reached by running MIGRATIONS[N - 1]. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE resource (kind TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL,
     PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
   CREATE TABLE operation (id TEXT PRIMARY KEY, finished INTEGER NOT NULL, started INTEGER NOT NULL,
     document TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX operation_by_age ON operation (finished, started);
   CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, type TEXT NOT NULL,
     ids TEXT NOT NULL, data TEXT NOT NULL) STRICT;
   CREATE TABLE receiver (name TEXT PRIMARY KEY, acknowledged INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
  // Volumes that could not be removed when their operation was taken back.
  `CREATE TABLE discarded (pool TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (pool, id)) STRICT, WITHOUT ROWID;`,
];
