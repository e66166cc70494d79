// The agent as tests start it: the product's own entry, and a place where it kills itself.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runAgent } from '../../agent/main.ts';

const config = process.argv[2]!;
/** Holds the boundary at which to die, such as "createVServer define before"; may appear at any time. */
const crashFile = join(dirname(config), 'crash-at');

function crashAt(): string | undefined {
  try {
    return readFileSync(crashFile, 'utf8');
  } catch {
    return undefined;
  }
}

try {
  await runAgent(config, (kind, step, moment) => {
    if (`${kind} ${step} ${moment}` === crashAt()) process.kill(process.pid, 'SIGKILL');
  });
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
