// Measures every case of a benchmark, interleaved, so that a slow moment of the machine hits all of them.
import type { Benchmark } from './benchmark.ts';

export interface Measurement {
  /** Of every case, milliseconds for one unit of work, in the order measured. */
  samples: Record<string, number[]>;
  medians: Record<string, number>;
  ratios: Record<string, number>;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)];
  if (upper === undefined) throw new RangeError('no values, no median');
  return Number.isInteger(middle) ? (upper + sorted[middle - 1]!) / 2 : upper;
}

/** Four significant digits: more is noise. */
function rounded(values: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Number(value.toPrecision(4))]),
  );
}

/** Runs the rounds, after one that warms up and is not counted. */
export async function measure(benchmark: Benchmark, rounds = benchmark.rounds): Promise<Measurement> {
  const session = await benchmark.prepare();
  try {
    const cases = Object.entries(session.cases);
    const samples: Record<string, number[]> = {};
    const note = (name: string, value: number) => {
      samples[name] ??= [];
      samples[name].push(value);
    };
    for (const [, run] of cases) {
      await session.clear?.();
      await run();
    }
    for (let round = 0; round < rounds; round++) {
      // Every case is first, second … in turn: none always profits from, or pays for, its predecessor.
      const first = round % cases.length;
      for (const [name, run] of [...cases.slice(first), ...cases.slice(0, first)]) {
        await session.clear?.();
        const begin = performance.now();
        const given = await run();
        const took = (performance.now() - begin) / (benchmark.units?.[name] ?? 1);
        if (given instanceof Map) for (const [part, value] of given) note(part, value);
        else note(name, benchmark.measured === true ? Number(given) : took);
      }
    }
    const medians = Object.fromEntries(
      Object.entries(samples).map(([name, values]) => [name, median(values)]),
    );
    return { samples, medians: rounded(medians), ratios: rounded(benchmark.ratios(medians)) };
  } finally {
    await session.close();
  }
}
