// The host as it is: files, file systems, commands and the time.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Senses } from './check.ts';

const run = promisify(execFile);
/** Nothing that is looked at takes longer, not even on a host with no time to spare; what does is itself a finding. */
const PATIENCE_MS = 30_000;
const SPACE_PATIENCE_MS = 10_000;

/**
 * Asked by a process of its own: a dead NFS server never answers, and would keep this one from ending.
 * @throws with the words for a person, also if there is no answer within `patienceMs`
 */
export async function spaceOf(path: string, patienceMs = SPACE_PATIENCE_MS) {
  try {
    const { stdout } = await run('stat', ['-f', '-c', '%S %b %a', '--', path], { timeout: patienceMs });
    const [size = 0, blocks = 0, available = 0] = stdout.split(' ').map(Number);
    return { totalBytes: size * blocks, freeBytes: size * available };
  } catch (error) {
    const { killed, stderr } = error as { killed?: boolean; stderr?: string };
    const late = `it did not answer within ${patienceMs / 1000} seconds.`;
    throw new Error(killed ? late : stderr?.trim() || (error as Error).message);
  }
}

export const hostSenses: Senses = {
  readFile: (path) => readFile(path, 'utf8'),
  space: (path) => spaceOf(path),
  async run(command, args) {
    const { stdout } = await run(command, args, { timeout: PATIENCE_MS, maxBuffer: 64 * 2 ** 20 });
    return stdout;
  },
  now: () => Date.now(),
};
