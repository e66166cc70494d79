// The host as it is: files, file systems, commands and the time.
import { execFile } from 'node:child_process';
import { readFile, statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Senses } from './check.ts';

const run = promisify(execFile);
/** Nothing that is looked at takes longer, not even on a host with no time to spare; what does is itself a finding. */
const PATIENCE_MS = 30_000;

export const hostSenses: Senses = {
  readFile: (path) => readFile(path, 'utf8'),
  async space(path) {
    const { bsize, blocks, bavail } = await statfs(path);
    return { totalBytes: bsize * blocks, freeBytes: bsize * bavail };
  },
  async run(command, args) {
    const { stdout } = await run(command, args, { timeout: PATIENCE_MS, maxBuffer: 64 * 2 ** 20 });
    return stdout;
  },
  now: () => Date.now(),
};
