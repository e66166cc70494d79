// A domain's devices: plugging, unplugging, block devices and their sizes.
import { AFFECT, BLOCK_RESIZE } from '../protocol/flags.ts';
import type { Result } from '../protocol/index.ts';
import type { DomainRef } from '../protocol/types.ts';
import type { CallOptions } from '../rpc/call.ts';
import type { Caller } from './caller.ts';

/** `flags` are AFFECT's. Every method may throw what {@link Caller.call} throws. */
export class DomainDevices {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async attach(
    dom: DomainRef,
    xml: string,
    flags: number = AFFECT.current,
    options?: CallOptions,
  ): Promise<void> {
    await this.#caller.call('domain_attach_device_flags', { dom, xml, flags }, options);
  }

  /** Asks for removal; with AFFECT.live it is only done when `device-removed` arrives. */
  async detach(
    dom: DomainRef,
    xml: string,
    flags: number = AFFECT.current,
    options?: CallOptions,
  ): Promise<void> {
    await this.#caller.call('domain_detach_device_flags', { dom, xml, flags }, options);
  }

  async update(
    dom: DomainRef,
    xml: string,
    flags: number = AFFECT.current,
    options?: CallOptions,
  ): Promise<void> {
    await this.#caller.call('domain_update_device_flags', { dom, xml, flags }, options);
  }

  /** Grows (or shrinks) the disk with this target or path to `bytes`, the running guest being told. */
  async resizeBlock(dom: DomainRef, disk: string, bytes: bigint, options?: CallOptions): Promise<void> {
    const args = { dom, disk, size: bytes, flags: BLOCK_RESIZE.bytes };
    await this.#caller.call('domain_block_resize', args, options);
  }

  /** Allocation, capacity and physical size in bytes. */
  blockInfo(dom: DomainRef, path: string, options?: CallOptions): Promise<Result<'domain_get_block_info'>> {
    return this.#caller.call('domain_get_block_info', { dom, path, flags: 0 }, options);
  }

  /** Counters of one block device, under the names of the bulk statistics; -1 for what is not known. */
  async blockStats(dom: DomainRef, path: string, options?: CallOptions): Promise<Record<string, bigint>> {
    const found = await this.#caller.call('domain_block_stats', { dom, path }, options);
    return {
      'rd.reqs': found.readRequests,
      'rd.bytes': found.readBytes,
      'wr.reqs': found.writeRequests,
      'wr.bytes': found.writeBytes,
    };
  }

  /** Counters of one interface, from the guest's side, under the names of the bulk statistics. */
  async interfaceStats(
    dom: DomainRef,
    device: string,
    options?: CallOptions,
  ): Promise<Record<string, bigint>> {
    const found = await this.#caller.call('domain_interface_stats', { dom, device }, options);
    return {
      'rx.bytes': found.receivedBytes,
      'rx.pkts': found.receivedPackets,
      'tx.bytes': found.sentBytes,
      'tx.pkts': found.sentPackets,
    };
  }

  /** Addresses of the guest's interfaces; `source` is one of ADDRESSES_FROM. */
  async addresses(
    dom: DomainRef,
    source: number,
    options?: CallOptions,
  ): Promise<Result<'domain_interface_addresses'>['interfaces']> {
    return (await this.#caller.call('domain_interface_addresses', { dom, source, flags: 0 }, options))
      .interfaces;
  }
}
