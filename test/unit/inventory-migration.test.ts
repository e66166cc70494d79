// A schema migration leaves a copy of the inventory as it was, and a newer schema is refused untouched.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { copyPath, openFile } from '../../agent/inventory/open-file.ts';

const FIRST = 'CREATE TABLE thing (name TEXT) STRICT';
const SECOND = 'ALTER TABLE thing ADD COLUMN colour TEXT';

function withOneThing(path: string): void {
  const db = openFile(path, { migrations: [FIRST] });
  db.exec("INSERT INTO thing VALUES ('kept')");
  db.close();
}

t.test('before a migration the inventory is copied, whole and for its owner only', async (t) => {
  const path = join(t.testdir(), 'inventory.db');
  withOneThing(path);
  openFile(path, { migrations: [FIRST, SECOND] }).close();
  const copy = copyPath(path, 1);
  t.equal((await stat(copy)).mode & 0o777, 0o600);
  // The old agent opens it as its own.
  const old = openFile(copy, { migrations: [FIRST] });
  t.same(old.prepare('SELECT * FROM thing').all(), [{ name: 'kept' }]);
  old.close();
});

t.test('a new inventory and one that is up to date are not copied', async (t) => {
  const path = join(t.testdir(), 'inventory.db');
  withOneThing(path);
  openFile(path, { migrations: [FIRST] }).close();
  for (const version of [0, 1]) await t.rejects(stat(copyPath(path, version)), { code: 'ENOENT' });
});

t.test('a migration that fails changes nothing, and can be tried again', async (t) => {
  const path = join(t.testdir(), 'inventory.db');
  withOneThing(path);
  t.throws(() => openFile(path, { migrations: [FIRST, 'CREATE TABLE other (x TEXT) STRICT; NONSENSE'] }));
  const db = openFile(path, { migrations: [FIRST, SECOND] });
  t.same(db.prepare('SELECT * FROM thing').all(), [{ name: 'kept', colour: null }]);
  t.same(db.prepare("SELECT name FROM sqlite_schema WHERE name = 'other'").all(), []);
  db.close();
});

t.test('an inventory of a newer agent is refused, and stays as it is', async (t) => {
  const path = join(t.testdir(), 'inventory.db');
  openFile(path, { migrations: [FIRST, SECOND] }).close();
  t.throws(() => openFile(path, { migrations: [FIRST] }), { message: /schema 2, and this agent knows 1/ });
  const db = new DatabaseSync(path);
  t.same(db.prepare('PRAGMA user_version').get(), { user_version: 2 });
  db.close();
});
