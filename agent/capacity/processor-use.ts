// How much of the host's processors is used: the kernel's own counters, compared with those of a while ago.
import { cpus } from 'node:os';

interface Times {
  busyMs: number;
  allMs: number;
}

export class ProcessorUse {
  #before = times();
  #share = 0;

  /** Busy part of all processors between the last two calls, 0 to 1. */
  sample(): number {
    const now = times();
    const all = now.allMs - this.#before.allMs;
    // Two calls within one tick of the kernel tell nothing.
    if (all <= 0) return this.#share;
    this.#share = Math.min(1, Math.max(0, (now.busyMs - this.#before.busyMs) / all));
    this.#before = now;
    return this.#share;
  }
}

function times(): Times {
  const sum = { busyMs: 0, allMs: 0 };
  for (const { times: of } of cpus()) {
    const busy = of.user + of.nice + of.sys + of.irq;
    sum.busyMs += busy;
    sum.allMs += busy + of.idle;
  }
  return sum;
}
