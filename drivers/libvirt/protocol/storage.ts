// Protocol table: storage pools and volumes.
import { flag, int, list, nothing, struct, text, uhyper, uint, uuid } from '../rpc/codec.ts';
import { patient, remote } from './procedure.ts';
import { LIST_MAX, storagePoolRef, storageVolRef } from './types.ts';

const pool = struct({ pool: storagePoolRef });
const poolFlags = struct({ pool: storagePoolRef, flags: uint });
const xmlFlags = struct({ xml: text, flags: uint });
const vol = struct({ vol: storageVolRef });
const volFlags = struct({ vol: storageVolRef, flags: uint });

export const storageProcedures = {
  storage_pool_create_xml: patient(remote(76, xmlFlags, pool)),
  storage_pool_define_xml: remote(77, xmlFlags, pool),
  storage_pool_create: patient(remote(78, poolFlags, nothing)),
  storage_pool_build: patient(remote(79, poolFlags, nothing)),
  storage_pool_destroy: remote(80, pool, nothing),
  storage_pool_delete: patient(remote(81, poolFlags, nothing)),
  storage_pool_undefine: remote(82, pool, nothing),
  storage_pool_refresh: patient(remote(83, poolFlags, nothing)),
  storage_pool_lookup_by_name: remote(84, struct({ name: text }), pool),
  storage_pool_lookup_by_uuid: remote(85, struct({ uuid }), pool),
  storage_pool_get_info: remote(
    87,
    pool,
    struct({ state: uint, capacity: uhyper, allocation: uhyper, available: uhyper }),
  ),
  storage_pool_get_xml_desc: remote(88, poolFlags, struct({ xml: text })),
  storage_pool_get_autostart: remote(89, pool, struct({ autostart: flag })),
  storage_pool_set_autostart: remote(90, struct({ pool: storagePoolRef, autostart: flag }), nothing),
  storage_vol_create_xml: patient(remote(93, struct({ pool: storagePoolRef, xml: text, flags: uint }), vol)),
  storage_vol_delete: patient(remote(94, volFlags, nothing)),
  storage_vol_lookup_by_name: remote(95, struct({ pool: storagePoolRef, name: text }), vol),
  storage_vol_lookup_by_path: remote(97, struct({ path: text }), vol),
  storage_vol_get_info: remote(98, vol, struct({ type: int, capacity: uhyper, allocation: uhyper })),
  storage_vol_get_xml_desc: remote(99, volFlags, struct({ xml: text })),
  storage_vol_get_path: remote(100, vol, struct({ path: text })),
  storage_vol_create_xml_from: patient(
    remote(125, struct({ pool: storagePoolRef, xml: text, source: storageVolRef, flags: uint }), vol),
  ),
  storage_pool_is_active: remote(154, pool, struct({ active: flag })),
  storage_vol_resize: remote(260, struct({ vol: storageVolRef, capacity: uhyper, flags: uint }), nothing),
  storage_pool_list_all_volumes: remote(
    282,
    struct({ pool: storagePoolRef, needResults: flag, flags: uint }),
    struct({ vols: list(storageVolRef, LIST_MAX.volumes), ret: uint }),
  ),
};
