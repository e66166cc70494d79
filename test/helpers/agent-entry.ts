// The agent as tests start it: the product's own entry, and places where it kills itself or something goes wrong.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runAgent } from '../../agent/main.ts';

const config = process.argv[2]!;

/** Lines of a file beside the configuration, which may appear at any time; the first names a boundary of the engine. */
function told(file: string): string[] {
  try {
    return readFileSync(join(dirname(config), file), 'utf8').split('\n');
  } catch {
    return [];
  }
}

try {
  await runAgent(config, (kind, step, moment) => {
    const here = `${kind} ${step} ${moment}`;
    if (told('crash-at')[0] === here) process.kill(process.pid, 'SIGKILL');
    const [killAt, pid, delay] = told('kill-at');
    if (killAt === here) setTimeout(() => process.kill(Number(pid), 'SIGKILL'), Number(delay));
    if (told('fail-at')[0] === here) throw new Error(`made to fail at ${here}`);
  });
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
