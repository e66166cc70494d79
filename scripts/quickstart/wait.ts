// Waiting with a limit, for things outside this process that send no event.
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks until the answer is not undefined.
 * @throws Error that names what did not come in `seconds`
 */
export async function until<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`${what} did not come within ${seconds} seconds`);
    await sleep(50);
  }
}
