// A domain's sizes, limits and metadata: what can be changed without redefining it.
import { AFFECT, METADATA } from '../protocol/flags.ts';
import type { DomainRef } from '../protocol/types.ts';
import type { CallOptions } from '../rpc/call.ts';
import type { TypedParam, TypedValues } from '../rpc/typed-params.ts';
import type { Caller } from './caller.ts';

/** VIR_TYPED_PARAM_STRING_OKAY: this client understands text among the parameters. */
const STRINGS_UNDERSTOOD = 4;
/** The most parameters that libvirtd lets a caller ask for: REMOTE_DOMAIN_SCHEDULER_PARAMETERS_MAX, …_BLOCK_IO_TUNE_…. */
const MOST_SCHEDULER_PARAMS = 16;
const MOST_BLOCK_IO_PARAMS = 32;

/** `flags` are AFFECT's unless said otherwise. Every method may throw what {@link Caller.call} throws. */
export class DomainTuning {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** `flags`: VCPUS. */
  async setVcpus(dom: DomainRef, vcpus: number, flags: number, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_set_vcpus_flags', { dom, vcpus, flags }, options);
  }

  /** `flags`: MEMORY. */
  async setMemory(dom: DomainRef, memoryKiB: bigint, flags: number, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_set_memory_flags', { dom, memoryKiB, flags }, options);
  }

  /** `cpu_shares` (ullong), `vcpu_period` (ullong), `vcpu_quota` (llong); `weight`, `cap` for Xen. */
  async setScheduler(dom: DomainRef, params: TypedParam[], flags = 0, options?: CallOptions): Promise<void> {
    await this.#caller.call('domain_set_scheduler_parameters_flags', { dom, params, flags }, options);
  }

  async scheduler(dom: DomainRef, flags = 0, options?: CallOptions): Promise<TypedValues> {
    const args = { dom, nparams: MOST_SCHEDULER_PARAMS, flags: flags | STRINGS_UNDERSTOOD };
    return (await this.#caller.call('domain_get_scheduler_parameters_flags', args, options)).params;
  }

  /** `hard_limit`, `soft_limit` … in KiB (ullong). */
  async setMemoryLimits(
    dom: DomainRef,
    params: TypedParam[],
    flags = 0,
    options?: CallOptions,
  ): Promise<void> {
    await this.#caller.call('domain_set_memory_parameters', { dom, params, flags }, options);
  }

  /** `read_bytes_sec`, `write_iops_sec` … (ullong) of the disk with this target. */
  async setBlockIo(
    dom: DomainRef,
    device: string,
    params: TypedParam[],
    flags = 0,
    options?: CallOptions,
  ): Promise<void> {
    await this.#caller.call('domain_set_block_io_tune', { dom, device, params, flags }, options);
  }

  async blockIo(dom: DomainRef, disk: string, flags = 0, options?: CallOptions): Promise<TypedValues> {
    const args = { dom, disk, nparams: MOST_BLOCK_IO_PARAMS, flags: flags | STRINGS_UNDERSTOOD };
    return (await this.#caller.call('domain_get_block_io_tune', args, options)).params;
  }

  /** `inbound.average`, `outbound.peak` … in KiB/s (uint) of the interface with this target or MAC. */
  async setInterface(
    dom: DomainRef,
    device: string,
    params: TypedParam[],
    flags = 0,
    options?: CallOptions,
  ): Promise<void> {
    await this.#caller.call('domain_set_interface_parameters', { dom, device, params, flags }, options);
  }

  /** An XML element of our own namespace kept with the domain; `null` removes it. */
  async setMetadata(
    dom: DomainRef,
    element: { uri: string; key: string; xml: string | null },
    flags: number = AFFECT.current,
    options?: CallOptions,
  ): Promise<void> {
    const { uri, key, xml } = element;
    const args = { dom, type: METADATA.element, metadata: xml, key, uri, flags };
    await this.#caller.call('domain_set_metadata', args, options);
  }

  /** @throws LibvirtError NO_DOMAIN_METADATA when there is none of that namespace. */
  async metadata(
    dom: DomainRef,
    uri: string,
    flags: number = AFFECT.current,
    options?: CallOptions,
  ): Promise<string> {
    const args = { dom, type: METADATA.element, uri, flags };
    return (await this.#caller.call('domain_get_metadata', args, options)).metadata;
  }
}
