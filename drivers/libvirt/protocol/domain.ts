// Protocol table: everything done to one domain.
import { flag, hyper, int, list, nothing, optional, struct, text, uhyper, uint, uuid } from '../rpc/codec.ts';
import { typedParams, typedValues } from '../rpc/typed-params.ts';
import { patient, qemu, remote } from './procedure.ts';
import { domainRef, LIST_MAX } from './types.ts';

const dom = struct({ dom: domainRef });
const domFlags = struct({ dom: domainRef, flags: uint });
const domXmlFlags = struct({ dom: domainRef, xml: text, flags: uint });
const domParamsFlags = struct({ dom: domainRef, params: typedParams(LIST_MAX.params), flags: uint });
const domDeviceParamsFlags = struct({
  dom: domainRef,
  device: text,
  params: typedParams(LIST_MAX.params),
  flags: uint,
});
const xmlFlags = struct({ xml: text, flags: uint });
const address = struct({ type: int, address: text, prefix: uint });

export const domainProcedures = {
  domain_create_xml: remote(10, xmlFlags, dom),
  domain_get_xml_desc: remote(14, domFlags, struct({ xml: text })),
  domain_get_autostart: remote(15, dom, struct({ autostart: flag })),
  domain_get_info: remote(
    16,
    dom,
    struct({ state: uint, maxMemoryKiB: uhyper, memoryKiB: uhyper, vcpus: uint, cpuTimeNs: uhyper }),
  ),
  domain_lookup_by_name: remote(23, struct({ name: text }), dom),
  domain_lookup_by_uuid: remote(24, struct({ uuid }), dom),
  domain_reboot: remote(27, domFlags, nothing),
  domain_resume: remote(28, dom, nothing),
  domain_set_autostart: remote(29, struct({ dom: domainRef, autostart: flag }), nothing),
  domain_suspend: remote(34, dom, nothing),
  domain_block_stats: remote(
    64,
    struct({ dom: domainRef, path: text }),
    struct({
      readRequests: hyper,
      readBytes: hyper,
      writeRequests: hyper,
      writeBytes: hyper,
      errors: hyper,
    }),
  ),
  domain_interface_stats: remote(
    65,
    struct({ dom: domainRef, device: text }),
    struct({
      receivedBytes: hyper,
      receivedPackets: hyper,
      receivedErrors: hyper,
      receivedDropped: hyper,
      sentBytes: hyper,
      sentPackets: hyper,
      sentErrors: hyper,
      sentDropped: hyper,
    }),
  ),
  domain_is_active: remote(150, dom, struct({ active: flag })),
  domain_memory_stats: remote(
    159,
    struct({ dom: domainRef, maxStats: uint, flags: uint }),
    struct({ stats: list(struct({ tag: int, value: uhyper }), LIST_MAX.memoryStats) }),
  ),
  domain_attach_device_flags: remote(160, domXmlFlags, nothing),
  domain_detach_device_flags: remote(161, domXmlFlags, nothing),
  domain_abort_job: remote(164, dom, nothing),
  domain_update_device_flags: remote(174, domXmlFlags, nothing),
  domain_managed_save: patient(remote(182, domFlags, nothing)),
  domain_has_managed_save_image: remote(183, domFlags, struct({ result: flag })),
  domain_managed_save_remove: remote(184, domFlags, nothing),
  domain_get_block_info: remote(
    194,
    struct({ dom: domainRef, path: text, flags: uint }),
    struct({ allocation: uhyper, capacity: uhyper, physical: uhyper }),
  ),
  domain_create_with_flags: remote(196, domFlags, dom),
  domain_set_memory_parameters: remote(197, domParamsFlags, nothing),
  domain_set_vcpus_flags: remote(199, struct({ dom: domainRef, vcpus: uint, flags: uint }), nothing),
  domain_get_vcpus_flags: remote(200, domFlags, struct({ vcpus: int })),
  domain_open_console: remote(201, struct({ dom: domainRef, device: optional(text), flags: uint }), nothing),
  domain_set_memory_flags: remote(204, struct({ dom: domainRef, memoryKiB: uhyper, flags: uint }), nothing),
  domain_set_blkio_parameters: remote(205, domParamsFlags, nothing),
  domain_get_state: remote(212, domFlags, struct({ state: int, reason: int })),
  domain_set_scheduler_parameters_flags: remote(219, domParamsFlags, nothing),
  domain_get_scheduler_parameters_flags: remote(
    223,
    struct({ dom: domainRef, nparams: int, flags: uint }),
    struct({ params: typedValues(LIST_MAX.params) }),
  ),
  domain_undefine_flags: remote(231, domFlags, nothing),
  domain_save_flags: patient(
    remote(232, struct({ dom: domainRef, to: text, xml: optional(text), flags: uint }), nothing),
  ),
  domain_restore_flags: patient(
    remote(233, struct({ from: text, xml: optional(text), flags: uint }), nothing),
  ),
  domain_destroy_flags: remote(234, domFlags, nothing),
  domain_block_job_abort: remote(237, struct({ dom: domainRef, path: text, flags: uint }), nothing),
  domain_get_block_job_info: remote(
    238,
    struct({ dom: domainRef, path: text, flags: uint }),
    struct({ found: int, type: int, bandwidth: uhyper, current: uhyper, end: uhyper }),
  ),
  domain_reset: remote(245, domFlags, nothing),
  domain_block_resize: remote(
    251,
    struct({ dom: domainRef, disk: text, size: uhyper, flags: uint }),
    nothing,
  ),
  domain_set_block_io_tune: remote(252, domDeviceParamsFlags, nothing),
  domain_get_block_io_tune: remote(
    253,
    struct({ dom: domainRef, disk: optional(text), nparams: int, flags: uint }),
    struct({ params: typedValues(LIST_MAX.params), nparams: int }),
  ),
  domain_set_interface_parameters: remote(256, domDeviceParamsFlags, nothing),
  domain_shutdown_flags: remote(258, domFlags, nothing),
  domain_set_metadata: remote(
    264,
    struct({
      dom: domainRef,
      type: int,
      metadata: optional(text),
      key: optional(text),
      uri: optional(text),
      flags: uint,
    }),
    nothing,
  ),
  domain_get_metadata: remote(
    265,
    struct({ dom: domainRef, type: int, uri: optional(text), flags: uint }),
    struct({ metadata: text }),
  ),
  domain_define_xml_flags: remote(350, xmlFlags, dom),
  domain_interface_addresses: patient(
    remote(
      353,
      struct({ dom: domainRef, source: uint, flags: uint }),
      struct({
        interfaces: list(
          struct({ name: text, mac: optional(text), addresses: list(address, LIST_MAX.addresses) }),
          LIST_MAX.interfaces,
        ),
      }),
    ),
  ),
  qemu_domain_monitor_command: qemu(
    1,
    struct({ dom: domainRef, command: text, flags: uint }),
    struct({ result: text }),
  ),
  qemu_domain_agent_command: patient(
    qemu(
      3,
      struct({ dom: domainRef, command: text, timeout: int, flags: uint }),
      struct({ result: optional(text) }),
    ),
  ),
};
