// What a benchmark module exports: cases that do the same work in different ways.

/** A benchmark made ready for measuring. */
export interface Session {
  /**
   * By name, the ways of doing the work; the frame takes the time. A case that cannot be timed from outside resolves
   * with a Map of what it measured itself: milliseconds by name.
   */
  cases: Record<string, () => Promise<unknown>>;
  /** Before each case, and not measured: takes away what others have left. */
  clear?(): Promise<void>;
  close(): Promise<void>;
}

/** The exports of `bench/NAME.ts`. */
export interface Benchmark {
  name: string;
  /** How often every case is run; the median counts. */
  rounds: number;
  /** How often a case does its work in one run, where that is not once; its times are divided by it. */
  units?: Readonly<Record<string, number>>;
  /** True where every case gives its own measurement, in milliseconds, instead of being timed. */
  measured?: boolean;
  /** Prepares what the cases need; nothing of it is measured. */
  prepare(): Promise<Session>;
  /** Ours divided by theirs, from medians in milliseconds: below 1 we are faster. */
  ratios(medians: Record<string, number>): Record<string, number>;
}
