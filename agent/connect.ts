// The first connection to the hypervisor's daemon, which may not be up yet when the agent starts.
import { sampleTopology } from './capacity/topology.ts';
import type { Host } from './host.ts';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;

export interface Connection {
  /** The first attempt has succeeded or failed. */
  firstTry: Promise<void>;
  /** The daemon has been reached; never rejects. */
  reached: Promise<void>;
  stop(): void;
}

/** Tries until it succeeds or is stopped; afterwards the driver reconnects by itself. */
export function connectPatiently(host: Host): Connection {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  const attempt = async (delay: number): Promise<void> => {
    try {
      await host.hypervisor.connect();
      host.totals.facts = await host.hypervisor.facts();
      await sampleTopology(host);
      resolve();
    } catch (error) {
      if (stopped) return;
      host.log.warn({ err: error, retryMs: delay }, 'the hypervisor daemon cannot be reached yet');
      const longer = Math.min(LONGEST_RETRY_MS, delay * 2);
      timer = setTimeout(() => void attempt(longer), delay * (0.5 + Math.random() / 2));
    }
  };
  return {
    firstTry: attempt(FIRST_RETRY_MS),
    reached,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
