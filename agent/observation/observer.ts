// Keeps the inventory true to the hypervisor: its events as they come, and everything by one bulk call.
import { type HypervisorEvent, isOff, type MachineSample } from '../../drivers/hypervisor.ts';
import { sampleMemory } from '../capacity/memory.ts';
import type { Host } from '../host.ts';
import type { ResourceLocks } from '../operations/locks.ts';
import { moveVServer } from '../operations/transitions.ts';
import type { VServer } from '../resources/vserver.ts';
import { settle, whyOff } from './settle.ts';

/** Time between events of one burst, after which the machine is looked at once. */
const SETTLE_MS = 50;

export class Observer {
  readonly #host: Host;
  readonly #locks: ResourceLocks;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Why a machine went off, as its event told; the state that is read later has forgotten it. */
  readonly #reasons = new Map<string, string>();
  /** Why machines are off that are found so by the first comparison. */
  #firstReason: string | undefined;
  #reconciling: Promise<void> | undefined;
  #again = false;
  #interval: NodeJS.Timeout | undefined;

  constructor(host: Host, locks: ResourceLocks) {
    this.#host = host;
    this.#locks = locks;
    host.settled = (resources) => {
      for (const key of resources) if (key.startsWith('vserver/')) this.#look(key.slice('vserver/'.length));
    };
  }

  /**
   * Begins to follow events; returns at once.
   * @param firstReason overrides the reason of those found off by the first comparison (a host reboot, for example)
   */
  start(firstReason?: string): void {
    this.#firstReason = firstReason;
    void this.#follow();
    this.#interval = setInterval(
      () => void this.reconcile('periodic'),
      this.#host.config.reconcile_seconds * 1000,
    );
    this.#interval.unref();
  }

  stop(): void {
    clearInterval(this.#interval);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /**
   * Compares every VServer with the hypervisor, by one bulk call. Never fails: without the hypervisor there is
   * nothing to compare. One at a time; a wish made meanwhile is granted once more afterwards.
   */
  reconcile(occasion: string): Promise<void> {
    if (this.#reconciling) this.#again = true;
    this.#reconciling ??= this.#compare(occasion).finally(() => {
      this.#reconciling = undefined;
      if (!this.#again) return;
      this.#again = false;
      void this.reconcile(occasion);
    });
    return this.#reconciling;
  }

  async #compare(occasion: string): Promise<void> {
    const { hypervisor, inventory, log, totals } = this.#host;
    // Taken before the hypervisor is asked: whatever changes from here on is newer than its answer.
    const before = inventory.list('vserver');
    let samples: MachineSample[];
    try {
      samples = await hypervisor.list();
      totals.facts ??= await hypervisor.facts();
    } catch (error) {
      log.warn({ err: error, occasion }, 'the hypervisor cannot be asked; will compare when it is back');
      return;
    }
    const byName = new Map(samples.map((sample) => [sample.name, sample]));
    const ours = new Set(before.map(({ domain }) => domain));
    const foreign = samples.filter(({ name, state }) => !ours.has(name) && !isOff(state));
    totals.foreign = {
      domains: foreign.length,
      vcpus: foreign.reduce((sum, { vcpus }) => sum + vcpus, 0),
      memoryMiB: foreign.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0),
    };
    for (const vserver of before) {
      await this.#settle(vserver, byName.get(vserver.domain), this.#firstReason);
    }
    this.#firstReason = undefined;
    await sampleMemory(this.#host);
    log.debug({ occasion, machines: samples.length }, 'compared');
  }

  async #follow(): Promise<void> {
    for await (const event of this.#host.hypervisor.events()) {
      try {
        this.#take(event);
      } catch (error) {
        this.#host.log.error({ err: error, event: event.type }, 'an event could not be taken');
      }
    }
  }

  #take(event: HypervisorEvent): void {
    const host = this.#host;
    switch (event.type) {
      case 'connected':
        host.log.info('the hypervisor daemon is connected');
        host.hypervisorConnected();
        void this.reconcile('connected');
        return;
      case 'disconnected':
        host.log.warn({ reason: event.reason }, 'the hypervisor daemon is away');
        return;
      case 'machine':
        if (isOff(event.state)) {
          this.#reasons.set(event.name, this.#reasons.get(event.name) ?? event.reason);
        }
        host.machineChanged(event.name);
        this.#lookAtMachine(event.name);
        return;
      case 'panic':
        this.#reasons.set(event.name, 'panic');
        this.#announce(event.name, 'vserver.panic', {});
        this.#lookAtMachine(event.name);
        return;
      case 'io-error':
        this.#announce(event.name, 'vserver.io-error', {
          path: event.path,
          device: event.device,
          reason: event.reason,
        });
        return;
      case 'guest-agent':
        this.#announce(event.name, 'vserver.guest-agent', { connected: event.connected });
        return;
      default:
        host.machineChanged(event.name);
    }
  }

  #announce(domain: string, type: string, data: Record<string, unknown>): void {
    const vserver = this.#byDomain(domain);
    if (!vserver) return;
    void this.#host.inventory.transact((tx) => tx.event(type, { vserver: vserver.id }, data));
  }

  #byDomain(domain: string): VServer | undefined {
    const prefix = `${this.#host.config.prefix}-`;
    return domain.startsWith(prefix)
      ? this.#host.inventory.get('vserver', domain.slice(prefix.length))
      : undefined;
  }

  #lookAtMachine(domain: string): void {
    const vserver = this.#byDomain(domain);
    if (vserver) this.#look(vserver.id);
    else void this.reconcile('foreign machine');
  }

  /** Looks at one VServer shortly; several wishes make one look. */
  #look(id: string): void {
    if (this.#timers.has(id)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(id);
      void this.#lookNow(id);
    }, SETTLE_MS);
    this.#timers.set(id, timer);
  }

  async #lookNow(id: string): Promise<void> {
    const vserver = this.#host.inventory.get('vserver', id);
    if (!vserver) return;
    try {
      await this.#settle(vserver, await this.#host.hypervisor.find(vserver.domain));
      await sampleMemory(this.#host);
    } catch (error) {
      this.#host.log.debug({ err: error, vserver: id }, 'could not be looked at; the next comparison will');
    }
  }

  /**
   * Writes what has changed, unless an operation holds the VServer: then its own ending tells.
   * @param before the VServer as it was before the hypervisor was asked; if it changed since, the sample is too old
   */
  async #settle(before: VServer, sample: MachineSample | undefined, why?: string): Promise<void> {
    const told = this.#reasons.get(before.domain);
    this.#reasons.delete(before.domain);
    const reason = why ?? (told === undefined ? undefined : whyOff(told, before));
    if (!settle(before, sample, reason)) return;
    await this.#host.inventory.transact((tx) => {
      if (this.#locks.holder(`vserver/${before.id}`)) return;
      if (tx.get('vserver', before.id) !== before) {
        this.#look(before.id);
        return;
      }
      moveVServer(tx, before.id, settle(before, sample, reason)!);
    });
  }
}
