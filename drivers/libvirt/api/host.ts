// Questions about the host and the daemon.

import type { Result } from '../protocol/index.ts';
import type { CallOptions } from '../rpc/call.ts';
import type { Caller } from './caller.ts';

/** libvirt packs versions as major * 1,000,000 + minor * 1,000 + release. */
function versionText(version: bigint): string {
  const number = Number(version);
  return `${Math.floor(number / 1e6)}.${Math.floor(number / 1e3) % 1000}.${number % 1000}`;
}

/** Every method may throw what {@link Caller.call} throws. */
export class Host {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** "QEMU", "Xen", "TEST" …: the driver that answers. */
  async type(options?: CallOptions): Promise<string> {
    return (await this.#caller.call('connect_get_type', undefined, options)).type;
  }

  /** Version of the hypervisor, "7.2.22". */
  async version(options?: CallOptions): Promise<string> {
    return versionText((await this.#caller.call('connect_get_version', undefined, options)).version);
  }

  /** Version of libvirt, "9.0.0". */
  async libvirtVersion(options?: CallOptions): Promise<string> {
    return versionText((await this.#caller.call('connect_get_lib_version', undefined, options)).version);
  }

  async hostname(options?: CallOptions): Promise<string> {
    return (await this.#caller.call('connect_get_hostname', undefined, options)).hostname;
  }

  async uri(options?: CallOptions): Promise<string> {
    return (await this.#caller.call('connect_get_uri', undefined, options)).uri;
  }

  /** XML: host CPU, NUMA topology, guests that can be run. */
  async capabilities(options?: CallOptions): Promise<string> {
    return (await this.#caller.call('connect_get_capabilities', undefined, options)).capabilities;
  }

  /** XML: what domains of this emulator, architecture, machine and virtualization type can have. */
  async domainCapabilities(
    of: { emulator?: string; arch?: string; machine?: string; virtType?: string } = {},
    options?: CallOptions,
  ): Promise<string> {
    const { emulator = null, arch = null, machine = null, virtType = null } = of;
    const args = { emulator, arch, machine, virtType, flags: 0 };
    return (await this.#caller.call('connect_get_domain_capabilities', args, options)).capabilities;
  }

  /** CPU model and counts, memory in KiB. */
  nodeInfo(options?: CallOptions): Promise<Result<'node_get_info'>> {
    return this.#caller.call('node_get_info', undefined, options);
  }

  /** Free memory in bytes. */
  async freeMemory(options?: CallOptions): Promise<bigint> {
    return (await this.#caller.call('node_get_free_memory', undefined, options)).bytes;
  }

  /** How many pages of each size (in KiB) are free on one NUMA node, in the order asked. */
  async freePages(node: number, sizesKiB: readonly number[], options?: CallOptions): Promise<bigint[]> {
    const args = { pages: [...sizesKiB], startCell: node, cellCount: 1, flags: 0 };
    return (await this.#caller.call('node_get_free_pages', args, options)).counts;
  }

  /** `total`, `free`, `buffers`, `cached` in KiB, of the whole host. */
  async memoryStats(options?: CallOptions): Promise<Map<string, bigint>> {
    const allCells = -1;
    // nparams 0 asks how many there are; the values are only sent for a count that is large enough.
    const size = await this.#caller.call(
      'node_get_memory_stats',
      { nparams: 0, cell: allCells, flags: 0 },
      options,
    );
    const args = { nparams: size.nparams, cell: allCells, flags: 0 };
    const { params } = await this.#caller.call('node_get_memory_stats', args, options);
    return new Map(params.map(({ field, value }) => [field, value]));
  }
}
