// Storage pools and their volumes.
import type { Result } from '../protocol/index.ts';
import type { StoragePoolRef, StorageVolRef } from '../protocol/types.ts';
import type { CallOptions } from '../rpc/call.ts';
import type { Caller } from './caller.ts';

/** Sizes are bytes. Every method may throw what {@link Caller.call} throws. */
export class Storage {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async pools(flags = 0, options?: CallOptions): Promise<StoragePoolRef[]> {
    const args = { needResults: true, flags };
    return (await this.#caller.call('connect_list_all_storage_pools', args, options)).pools;
  }

  async poolByName(name: string, options?: CallOptions): Promise<StoragePoolRef> {
    return (await this.#caller.call('storage_pool_lookup_by_name', { name }, options)).pool;
  }

  /** Makes a persistent, inactive pool. */
  async definePool(xml: string, flags = 0, options?: CallOptions): Promise<StoragePoolRef> {
    return (await this.#caller.call('storage_pool_define_xml', { xml, flags }, options)).pool;
  }

  /** Makes a transient, active pool. */
  async createPool(xml: string, flags = 0, options?: CallOptions): Promise<StoragePoolRef> {
    return (await this.#caller.call('storage_pool_create_xml', { xml, flags }, options)).pool;
  }

  async buildPool(pool: StoragePoolRef, flags = 0, options?: CallOptions): Promise<void> {
    await this.#caller.call('storage_pool_build', { pool, flags }, options);
  }

  /** Activates a defined pool. */
  async startPool(pool: StoragePoolRef, flags = 0, options?: CallOptions): Promise<void> {
    await this.#caller.call('storage_pool_create', { pool, flags }, options);
  }

  /** Deactivates a pool; what it holds stays (libvirt calls this "destroy"). */
  async stopPool(pool: StoragePoolRef, options?: CallOptions): Promise<void> {
    await this.#caller.call('storage_pool_destroy', { pool }, options);
  }

  async undefinePool(pool: StoragePoolRef, options?: CallOptions): Promise<void> {
    await this.#caller.call('storage_pool_undefine', { pool }, options);
  }

  async refreshPool(pool: StoragePoolRef, options?: CallOptions): Promise<void> {
    await this.#caller.call('storage_pool_refresh', { pool, flags: 0 }, options);
  }

  /** Starts it with the daemon, or not. */
  async autostartPool(pool: StoragePoolRef, autostart: boolean, options?: CallOptions): Promise<void> {
    await this.#caller.call('storage_pool_set_autostart', { pool, autostart }, options);
  }

  /** `state`: 0 inactive, 1 building, 2 running, 3 degraded, 4 inaccessible. */
  poolInfo(pool: StoragePoolRef, options?: CallOptions): Promise<Result<'storage_pool_get_info'>> {
    return this.#caller.call('storage_pool_get_info', { pool }, options);
  }

  async poolXml(pool: StoragePoolRef, flags = 0, options?: CallOptions): Promise<string> {
    return (await this.#caller.call('storage_pool_get_xml_desc', { pool, flags }, options)).xml;
  }

  async volumes(pool: StoragePoolRef, options?: CallOptions): Promise<StorageVolRef[]> {
    const args = { pool, needResults: true, flags: 0 };
    return (await this.#caller.call('storage_pool_list_all_volumes', args, options)).vols;
  }

  async volumeByName(pool: StoragePoolRef, name: string, options?: CallOptions): Promise<StorageVolRef> {
    return (await this.#caller.call('storage_vol_lookup_by_name', { pool, name }, options)).vol;
  }

  async volumeByPath(path: string, options?: CallOptions): Promise<StorageVolRef> {
    return (await this.#caller.call('storage_vol_lookup_by_path', { path }, options)).vol;
  }

  async createVolume(
    pool: StoragePoolRef,
    xml: string,
    flags = 0,
    options?: CallOptions,
  ): Promise<StorageVolRef> {
    return (await this.#caller.call('storage_vol_create_xml', { pool, xml, flags }, options)).vol;
  }

  /** A new volume with the content of `source`. */
  async cloneVolume(
    pool: StoragePoolRef,
    xml: string,
    source: StorageVolRef,
    flags = 0,
    options?: CallOptions,
  ): Promise<StorageVolRef> {
    return (await this.#caller.call('storage_vol_create_xml_from', { pool, xml, source, flags }, options))
      .vol;
  }

  async deleteVolume(vol: StorageVolRef, flags = 0, options?: CallOptions): Promise<void> {
    await this.#caller.call('storage_vol_delete', { vol, flags }, options);
  }

  async resizeVolume(vol: StorageVolRef, capacity: bigint, flags = 0, options?: CallOptions): Promise<void> {
    await this.#caller.call('storage_vol_resize', { vol, capacity, flags }, options);
  }

  /** `type`: 0 file, 1 block, 2 directory, 3 network. */
  volumeInfo(vol: StorageVolRef, options?: CallOptions): Promise<Result<'storage_vol_get_info'>> {
    return this.#caller.call('storage_vol_get_info', { vol }, options);
  }

  async volumePath(vol: StorageVolRef, options?: CallOptions): Promise<string> {
    return (await this.#caller.call('storage_vol_get_path', { vol }, options)).path;
  }

  async volumeXml(vol: StorageVolRef, options?: CallOptions): Promise<string> {
    return (await this.#caller.call('storage_vol_get_xml_desc', { vol, flags: 0 }, options)).xml;
  }
}
