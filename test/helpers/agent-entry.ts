// The agent as tests start it: the product's own entry, and a place where it kills itself.
import { runAgent } from '../../agent/main.ts';

const crashAt = process.env.INNKEEPER_TEST_CRASH_AT;

try {
  await runAgent(process.argv[2]!, (kind, step, moment) => {
    if (`${kind} ${step} ${moment}` === crashAt) process.kill(process.pid, 'SIGKILL');
  });
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
