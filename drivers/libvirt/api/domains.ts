// Finding, defining, starting, stopping and asking domains.
import { SHUTDOWN } from '../protocol/flags.ts';
import type { Result } from '../protocol/index.ts';
import { type DomainState, domainState } from '../protocol/names.ts';
import type { DomainRef } from '../protocol/types.ts';
import type { CallOptions } from '../rpc/call.ts';
import type { TypedValues } from '../rpc/typed-params.ts';
import type { Caller } from './caller.ts';
import { DomainDevices } from './domain-devices.ts';
import { DomainTuning } from './domain-tuning.ts';

/** One domain's row of the bulk statistics. */
export interface DomainStats {
  domain: DomainRef;
  params: TypedValues;
}

/** Flags are in `protocol/flags.ts`. Every method may throw what {@link Caller.call} throws. */
export class Domains {
  readonly devices: DomainDevices;
  readonly tuning: DomainTuning;
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
    this.devices = new DomainDevices(caller);
    this.tuning = new DomainTuning(caller);
  }

  /** All domains, or those of the LIST flags. */
  async list(flags = 0, options?: CallOptions): Promise<DomainRef[]> {
    const args = { needResults: true, flags };
    return (await this.#caller.call('connect_list_all_domains', args, options)).domains;
  }

  /**
   * Statistics in one call, of all domains or of those named. `stats`: STATS flags, 0 for all of them;
   * `flags`: STATS_OF.
   */
  async stats(
    stats: number,
    flags = 0,
    domains: DomainRef[] = [],
    options?: CallOptions,
  ): Promise<DomainStats[]> {
    const result = await this.#caller.call(
      'connect_get_all_domain_stats',
      { domains, stats, flags },
      options,
    );
    return result.stats.map(({ dom, params }) => ({ domain: dom, params }));
  }

  async byName(name: string, options?: CallOptions): Promise<DomainRef> {
    return (await this.#caller.call('domain_lookup_by_name', { name }, options)).dom;
  }

  async byUuid(uuid: string, options?: CallOptions): Promise<DomainRef> {
    return (await this.#caller.call('domain_lookup_by_uuid', { uuid }, options)).dom;
  }

  /** Makes or replaces a persistent definition. */
  async define(xml: string, flags = 0, options?: CallOptions): Promise<DomainRef> {
    return (await this.#caller.call('domain_define_xml_flags', { xml, flags }, options)).dom;
  }

  async undefine(dom: DomainRef, flags = 0, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_undefine_flags', { dom, flags }, options);
  }

  /** Starts a defined domain. The result carries its new id. */
  async start(dom: DomainRef, flags = 0, options?: CallOptions): Promise<DomainRef> {
    return (await this.#caller.call('domain_create_with_flags', { dom, flags }, options)).dom;
  }

  /** Starts a transient domain: nothing is left of it when it stops. */
  async createTransient(xml: string, flags = 0, options?: CallOptions): Promise<DomainRef> {
    return (await this.#caller.call('domain_create_xml', { xml, flags }, options)).dom;
  }

  /** Asks the guest to shut down. Asking its agent may take as long as the agent does. */
  async shutdown(dom: DomainRef, flags = 0, options?: CallOptions): Promise<void> {
    const patient = (flags & SHUTDOWN.guestAgent) !== 0;
    await this.#caller.call('domain_shutdown_flags', { dom, flags }, { patient, ...options });
  }

  async reboot(dom: DomainRef, flags = 0, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_reboot', { dom, flags }, options);
  }

  async destroy(dom: DomainRef, flags = 0, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_destroy_flags', { dom, flags }, options);
  }

  async reset(dom: DomainRef, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_reset', { dom, flags: 0 }, options);
  }

  async suspend(dom: DomainRef, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_suspend', { dom }, options);
  }

  async resume(dom: DomainRef, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_resume', { dom }, options);
  }

  /** Memory image to a file of the host; the domain is then off. */
  async save(dom: DomainRef, to: string, flags = 0, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_save_flags', { dom, to, xml: null, flags }, options);
  }

  async restore(from: string, flags = 0, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_restore_flags', { from, xml: null, flags }, options);
  }

  async managedSave(dom: DomainRef, flags = 0, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_managed_save', { dom, flags }, options);
  }

  async hasManagedSave(dom: DomainRef, options?: CallOptions): Promise<boolean> {
    return (await this.#caller.call('domain_has_managed_save_image', { dom, flags: 0 }, options)).result;
  }

  async removeManagedSave(dom: DomainRef, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_managed_save_remove', { dom, flags: 0 }, options);
  }

  async state(dom: DomainRef, options?: CallOptions): Promise<{ state: DomainState; reason: string }> {
    const { state, reason } = await this.#caller.call('domain_get_state', { dom, flags: 0 }, options);
    return domainState(state, reason);
  }

  /** The state as libvirt numbers it; `domainState` has the words. */
  stateNumbers(dom: DomainRef, options?: CallOptions): Promise<Result<'domain_get_state'>> {
    return this.#caller.call('domain_get_state', { dom, flags: 0 }, options);
  }

  /** Memory in KiB, CPU time in nanoseconds. */
  info(dom: DomainRef, options?: CallOptions): Promise<Result<'domain_get_info'>> {
    return this.#caller.call('domain_get_info', { dom }, options);
  }

  async xml(dom: DomainRef, flags = 0, options?: CallOptions): Promise<string> {
    return (await this.#caller.call('domain_get_xml_desc', { dom, flags }, options)).xml;
  }

  async autostart(dom: DomainRef, autostart: boolean, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_set_autostart', { dom, autostart }, options);
  }

  /** One guest agent command; `timeoutSeconds` is how long libvirt waits for the agent. */
  async agentCommand(
    dom: DomainRef,
    command: string,
    timeoutSeconds: number,
    options?: CallOptions,
  ): Promise<string | null> {
    const args = { dom, command, timeout: timeoutSeconds, flags: 0 };
    return (await this.#caller.call('qemu_domain_agent_command', args, options)).result;
  }

  /** One QEMU monitor command, QMP JSON unless MONITOR.human is set. libvirt marks the domain tainted. */
  async monitorCommand(dom: DomainRef, command: string, flags = 0, options?: CallOptions): Promise<string> {
    return (await this.#caller.call('qemu_domain_monitor_command', { dom, command, flags }, options)).result;
  }
}
