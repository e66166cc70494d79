// One agent per state folder: a lock that the kernel gives back when its holder dies, however that happens.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { InnkeeperError } from './resources/errors.ts';

/** Holds the lock until closed. */
export interface StateLock {
  close(): void;
}

/**
 * Takes the lock of a state folder, which is made if it is not there. Node has no flock(2), SQLite has: an exclusive
 * transaction that is never written is a lock of the kernel's on an empty file.
 * @throws InnkeeperError `conflict` when another agent holds it
 */
export async function lockState(folder: string): Promise<StateLock> {
  await mkdir(folder, { recursive: true, mode: 0o711 });
  const holder = join(folder, 'agent.pid');
  const database = new DatabaseSync(join(folder, 'agent.lock'), { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!/locked/.test((error as Error).message)) throw error;
    const pid = await readFile(holder, 'utf8').catch(() => '');
    const who = pid.trim() ? `process ${pid.trim()}` : 'another process';
    const why = `Another agent (${who}) already uses the state folder ${folder}; stop it or set another state_dir.`;
    throw new InnkeeperError('conflict', why, {}, error);
  }
  await writeFile(holder, `${process.pid}\n`);
  return { close: () => database.close() };
}
