// The parts of one host as operations see them: put together once by start-up, handed to every step.
import { EventEmitter, once } from 'node:events';
import type { Logger } from 'pino';
import { type Hypervisor, isOff } from '../drivers/hypervisor.ts';
import type { MetadataServer } from '../metadata-server/mod.ts';
import type { HostTotals } from './capacity/totals.ts';
import type { Config } from './config/config.ts';
import type { Seal } from './guest/seal.ts';
import { GuestWays } from './guest/ways.ts';
import type { Inventory } from './inventory/inventory.ts';
import type { MeterStore } from './metering/meter-store.ts';
import type { HostNetwork } from './network/mod.ts';
import type { ImageLibrary, Pool } from './storage/mod.ts';

/** What start-up puts together. */
export interface HostParts {
  config: Config;
  log: Logger;
  inventory: Inventory;
  hypervisor: Hypervisor;
  network: HostNetwork;
  metadata: MetadataServer;
  pools: ReadonlyMap<string, Pool>;
  images: ImageLibrary;
  seal: Seal;
  totals: HostTotals;
  /** Absent where VServers are not metered. */
  meters?: MeterStore;
}

/** Node's timers cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Host {
  readonly config: Config;
  readonly log: Logger;
  readonly inventory: Inventory;
  readonly hypervisor: Hypervisor;
  readonly network: HostNetwork;
  readonly metadata: MetadataServer;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly images: ImageLibrary;
  readonly seal: Seal;
  readonly totals: HostTotals;
  readonly meters: MeterStore | undefined;
  /** How often the hypervisor's daemon has been connected; a step that spans two may have failed for that alone. */
  connections = 0;
  readonly guestWays = new GuestWays();
  /** True once the process is going down: what fails now is carried on after the next start. */
  halted = false;
  /** Called with the lock keys an operation has let go, so that the observer looks again. */
  settled: (resources: string[]) => void = () => {};
  readonly #back = new Set<() => void>();
  readonly #machines = new EventEmitter().setMaxListeners(0);

  constructor(parts: HostParts) {
    this.config = parts.config;
    this.log = parts.log;
    this.inventory = parts.inventory;
    this.hypervisor = parts.hypervisor;
    this.network = parts.network;
    this.metadata = parts.metadata;
    this.pools = parts.pools;
    this.images = parts.images;
    this.seal = parts.seal;
    this.totals = parts.totals;
    this.meters = parts.meters;
  }

  /** Called by the observer when the hypervisor's daemon is (again) connected. */
  hypervisorConnected(): void {
    this.connections++;
    for (const wake of this.#back) wake();
  }

  /** Resolves true when the daemon is connected, false when `ms` are over or `signal` is aborted. */
  hypervisorBack(ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.hypervisor.connected) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (back: boolean) => {
        clearTimeout(timer);
        this.#back.delete(wake);
        signal.removeEventListener('abort', give);
        resolve(back);
      };
      const wake = () => finish(true);
      const give = () => finish(false);
      const timer = setTimeout(give, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
      this.#back.add(wake);
      signal.addEventListener('abort', give);
    });
  }

  /** Called by the observer for every event of a machine. */
  machineChanged(name: string): void {
    this.#machines.emit(name);
  }

  /** Resolves true once the machine is off, false when `ms` are over. Looks when the hypervisor tells of a change. */
  async machineOff(name: string, ms: number, signal: AbortSignal): Promise<boolean> {
    const limit = AbortSignal.any([AbortSignal.timeout(ms), signal]);
    for (;;) {
      const changed = once(this.#machines, name, { signal: limit }).catch(() => undefined);
      const state = (await this.hypervisor.find(name))?.state;
      if (isOff(state)) return true;
      if ((await changed) === undefined && limit.aborted) return false;
    }
  }
}
