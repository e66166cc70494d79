// Protocol table: the connection itself, the host, and lists of the whole host.
import { charArray, flag, int, list, nothing, optional, struct, text, uhyper, uint } from '../rpc/codec.ts';
import { typedValues } from '../rpc/typed-params.ts';
import { remote } from './procedure.ts';
import { domainList, domainRef, LIST_MAX, networkRef, storagePoolRef } from './types.ts';

/** One domain's row of the bulk statistics. */
export const domainStats = struct({ dom: domainRef, params: typedValues(LIST_MAX.stats) });

export const connectProcedures = {
  connect_open: remote(1, struct({ name: optional(text), flags: uint }), nothing),
  connect_close: remote(2, nothing, nothing),
  connect_get_type: remote(3, nothing, struct({ type: text })),
  connect_get_version: remote(4, nothing, struct({ version: uhyper })),
  node_get_info: remote(
    6,
    nothing,
    struct({
      model: charArray(32),
      memoryKiB: uhyper,
      cpus: int,
      mhz: int,
      nodes: int,
      sockets: int,
      cores: int,
      threads: int,
    }),
  ),
  connect_get_capabilities: remote(7, nothing, struct({ capabilities: text })),
  connect_get_hostname: remote(59, nothing, struct({ hostname: text })),
  connect_supports_feature: remote(60, struct({ feature: int }), struct({ supported: flag })),
  auth_list: remote(66, nothing, struct({ types: list(int, LIST_MAX.authTypes) })),
  auth_polkit: remote(70, nothing, struct({ complete: flag })),
  node_get_free_memory: remote(102, nothing, struct({ bytes: uhyper })),
  connect_domain_event_callback_register_any: remote(
    316,
    struct({ eventId: int, dom: optional(domainRef) }),
    struct({ callbackId: int }),
  ),
  connect_domain_event_callback_deregister_any: remote(317, struct({ callbackId: int }), nothing),
  connect_get_uri: remote(110, nothing, struct({ uri: text })),
  connect_get_lib_version: remote(157, nothing, struct({ version: uhyper })),
  connect_get_sysinfo: remote(203, struct({ flags: uint }), struct({ sysinfo: text })),
  node_get_memory_stats: remote(
    228,
    struct({ nparams: int, cell: int, flags: uint }),
    struct({
      params: list(struct({ field: text, value: uhyper }), LIST_MAX.nodeMemoryStats),
      nparams: int,
    }),
  ),
  connect_list_all_domains: remote(
    273,
    struct({ needResults: flag, flags: uint }),
    struct({ domains: domainList, ret: uint }),
  ),
  connect_list_all_storage_pools: remote(
    281,
    struct({ needResults: flag, flags: uint }),
    struct({ pools: list(storagePoolRef, LIST_MAX.pools), ret: uint }),
  ),
  connect_list_all_networks: remote(
    283,
    struct({ needResults: flag, flags: uint }),
    struct({ networks: list(networkRef, LIST_MAX.networks), ret: uint }),
  ),
  node_get_free_pages: remote(
    340,
    struct({ pages: list(uint, LIST_MAX.nodeCells), startCell: int, cellCount: uint, flags: uint }),
    struct({ counts: list(uhyper, LIST_MAX.nodeCells) }),
  ),
  connect_get_domain_capabilities: remote(
    342,
    struct({
      emulator: optional(text),
      arch: optional(text),
      machine: optional(text),
      virtType: optional(text),
      flags: uint,
    }),
    struct({ capabilities: text }),
  ),
  connect_get_all_domain_stats: remote(
    344,
    struct({ domains: domainList, stats: uint, flags: uint }),
    struct({ stats: list(domainStats, LIST_MAX.domains) }),
  ),
};
