// A step that failed only because libvirtd is away waits for it and is tried again.
import type { Host } from '../host.ts';

/** How long a step waits for the hypervisor's daemon to come back before it is given up and taken back. */
export const PATIENCE_MS = 60_000;

/**
 * Runs `step`; while it fails with the hypervisor disconnected, waits for it and repeats. Steps are idempotent.
 * @param patienceMs undos wait without end: what they leave behind nobody else would clear away
 */
export async function patiently(
  host: Host,
  signal: AbortSignal,
  patienceMs: number,
  step: () => Promise<void>,
): Promise<void> {
  const until = Date.now() + patienceMs;
  for (;;) {
    const generation = host.connections;
    try {
      return await step();
    } catch (error) {
      const lost = !host.hypervisor.connected || host.connections !== generation;
      if (!lost || Date.now() > until || signal.aborted || host.halted) throw error;
      if (!(await host.hypervisorBack(until - Date.now(), signal))) throw error;
    }
  }
}
