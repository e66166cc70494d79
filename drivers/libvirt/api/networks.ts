// libvirt's own networks: what is there. (The agent makes its bridges itself.)
import type { NetworkRef } from '../protocol/types.ts';
import type { CallOptions } from '../rpc/call.ts';
import type { Caller } from './caller.ts';

/** Every method may throw what {@link Caller.call} throws. */
export class Networks {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async list(options?: CallOptions): Promise<NetworkRef[]> {
    return (await this.#caller.call('connect_list_all_networks', { needResults: true, flags: 0 }, options))
      .networks;
  }

  async byName(name: string, options?: CallOptions): Promise<NetworkRef> {
    return (await this.#caller.call('network_lookup_by_name', { name }, options)).net;
  }

  async xml(net: NetworkRef, options?: CallOptions): Promise<string> {
    return (await this.#caller.call('network_get_xml_desc', { net, flags: 0 }, options)).xml;
  }

  async bridgeName(net: NetworkRef, options?: CallOptions): Promise<string> {
    return (await this.#caller.call('network_get_bridge_name', { net }, options)).name;
  }

  async isActive(net: NetworkRef, options?: CallOptions): Promise<boolean> {
    return (await this.#caller.call('network_is_active', { net }, options)).active;
  }
}
