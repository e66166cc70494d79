// Protocol table: libvirt's own networks, of which the agent only needs to know what is there.
import { flag, struct, text, uint } from '../rpc/codec.ts';
import { remote } from './procedure.ts';
import { networkRef } from './types.ts';

const net = struct({ net: networkRef });

export const networkProcedures = {
  network_get_xml_desc: remote(43, struct({ net: networkRef, flags: uint }), struct({ xml: text })),
  network_get_bridge_name: remote(45, net, struct({ name: text })),
  network_lookup_by_name: remote(46, struct({ name: text }), net),
  network_is_active: remote(152, net, struct({ active: flag })),
};
