// Takes one sample of all VServers now and then: one call to the hypervisor, whatever their number.
import type { Host } from '../host.ts';
import type { MeterStore } from './meter-store.ts';
import { measure } from './sample.ts';

export class Meter {
  readonly #host: Host;
  readonly #store: MeterStore;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;

  constructor(host: Host, store: MeterStore) {
    this.#host = host;
    this.#store = store;
  }

  /** Begins; the first sample is taken after one interval, when the host has been compared with the inventory. */
  start(intervalSeconds: number): void {
    this.#timer = setInterval(() => void this.sample(), intervalSeconds * 1000);
    this.#timer.unref();
  }

  /** One round. Never fails: a hypervisor that cannot be asked leaves a hole, which the times tell. */
  sample(): Promise<void> {
    this.#round ??= this.#take().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  /** Resolves when the last round is on disk. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
  }

  async #take(): Promise<void> {
    const { hypervisor, inventory, log } = this.#host;
    if (!hypervisor.connected) return;
    try {
      const machines = await hypervisor.list();
      await this.#store.add(measure(inventory, machines, new Date().toISOString()));
    } catch (error) {
      log.warn({ err: error }, 'the VServers could not be metered this time');
    }
  }
}

/** Rounds that make up the time for which samples are kept. */
export function roundsOf({ keep_hours, interval_seconds }: { keep_hours: number; interval_seconds: number }) {
  return Math.max(1, Math.round((keep_hours * 3600) / interval_seconds));
}
