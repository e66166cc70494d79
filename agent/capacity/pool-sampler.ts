// Asks every storage pool for its room and the hypervisor for its memory now and then; nobody waits for the answers.
import type { Host } from '../host.ts';
import { sampleMemory } from './memory.ts';
import { ProcessorUse } from './processor-use.ts';
import { sampleTopology } from './topology.ts';

const EVERY_MS = 30_000;
/** libvirtd looks through the whole host for the topology, which seldom changes. */
const TOPOLOGY_EVERY_MS = 300_000;

export class PoolSampler {
  readonly #host: Host;
  readonly #processors = new ProcessorUse();
  readonly #asked = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #topologyTimer: NodeJS.Timeout | undefined;
  #changed: () => void = () => {};

  constructor(host: Host) {
    this.#host = host;
  }

  /** Opens each pool and samples it once; resolves when all have answered or failed. */
  async start(changed: () => void): Promise<void> {
    this.#changed = changed;
    await Promise.all([...this.#host.pools.keys()].map((name) => this.#sample(name)));
    this.#timer = setInterval(() => {
      this.#host.totals.processorShare = this.#processors.sample();
      void sampleMemory(this.#host);
      for (const name of this.#host.pools.keys()) void this.#sample(name);
    }, EVERY_MS);
    this.#timer.unref();
    this.#topologyTimer = setInterval(() => void sampleTopology(this.#host), TOPOLOGY_EVERY_MS);
    this.#topologyTimer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    clearInterval(this.#topologyTimer);
  }

  async #sample(name: string): Promise<void> {
    // A pool that still owes its last answer is not asked again.
    if (this.#asked.has(name)) return;
    this.#asked.add(name);
    const { pools, totals, log } = this.#host;
    const before = totals.pools.get(name);
    try {
      const pool = pools.get(name)!;
      if (!before || before.unavailable) await pool.open();
      totals.pools.set(name, await pool.capacity());
    } catch (error) {
      const unavailable = (error as Error).message;
      if (before?.unavailable !== unavailable)
        log.error({ err: error, pool: name }, 'a storage pool is not available');
      totals.pools.set(name, { totalBytes: before?.totalBytes ?? 0, freeBytes: 0, unavailable });
    } finally {
      this.#asked.delete(name);
    }
    const after = totals.pools.get(name);
    if (after?.freeBytes !== before?.freeBytes || after?.unavailable !== before?.unavailable) this.#changed();
  }
}
