// Tries every promise on one driver, and says of each whether it was kept, is unsupported (and why), or was broken.
import { DriverError } from '../../drivers/hypervisor.ts';
import { Bench, type BenchOptions } from './bench.ts';
import { PROMISES } from './promises.ts';

export interface Outcome {
  promise: string;
  result: 'pass' | 'unsupported' | 'fail';
  /** Why it is unsupported, or how it failed. */
  reason: string;
}

/** In the order of the list; `told` hears of each at once. */
export async function keepAll(options: BenchOptions, told?: (outcome: Outcome) => void): Promise<Outcome[]> {
  const bench = await Bench.open(options);
  const outcomes: Outcome[] = [];
  try {
    for (const { name, keep } of PROMISES) {
      const outcome = await keep(bench).then(
        (): Outcome => ({ promise: name, result: 'pass', reason: '' }),
        (error: unknown) => broken(name, error),
      );
      outcomes.push(outcome);
      told?.(outcome);
    }
  } finally {
    await bench.close();
  }
  return outcomes;
}

function broken(promise: string, error: unknown): Outcome {
  const words = error instanceof Error ? error.message : String(error);
  const unsupported = error instanceof DriverError && error.code === 'unsupported';
  return { promise, result: unsupported ? 'unsupported' : 'fail', reason: words.replace(/\s+/g, ' ') };
}
