// Questions about VServers.
import { Type } from '@sinclair/typebox';
import type { Host } from '../host.ts';
import { find } from '../operations/find.ts';
import { queryParams, vserverId } from '../operations/parameters.ts';
import { VDiskAttributes } from '../resources/vdisk.ts';
import { VNicAttributes } from '../resources/vnet.ts';
import { type VServer, VServerAttributes } from '../resources/vserver.ts';
import { vdiskAttributes, vnicAttributes, vserverAttributes } from './attributes.ts';
import { defineQuery } from './query.ts';
import { ServiceUse, servicesOf } from './services.ts';

/** As the inventory has it; `unknown` while nobody can be asked whether it still holds. */
function attributes(host: Host, vserver: VServer) {
  const known = vserverAttributes(host.inventory, vserver);
  return host.hypervisor.connected ? known : { ...known, condition: 'unknown' };
}

export const listVServer = defineQuery(
  {
    name: 'listVServer',
    summary: 'Every VServer of this host.',
    right: 'observe',
    params: queryParams({}),
    result: Type.Array(VServerAttributes),
    http: { verb: 'GET', path: '/v1/vservers' },
  },
  ({ host }) => host.inventory.list('vserver').map((vserver) => attributes(host, vserver)),
);

export const getVServerAttributes = defineQuery(
  {
    name: 'getVServerAttributes',
    summary:
      'Everything known of one VServer, with its VDisks, VNICs and what it used of DHCP, HTTP and the ways for passwords.',
    right: 'observe',
    params: queryParams(vserverId),
    result: Type.Composite([
      VServerAttributes,
      Type.Object({
        vdisks: Type.Array(VDiskAttributes),
        vnics: Type.Array(VNicAttributes),
        services: Type.Array(ServiceUse),
      }),
    ]),
    http: { verb: 'GET', path: '/v1/vservers/{vserverId}' },
  },
  ({ host, params }) => {
    const vserver = find(host.inventory, 'vserver', params.vserverId);
    const shown = attributes(host, vserver);
    const vnics = shown.vnicIds.map((id) => host.inventory.get('vnic', id)!);
    return {
      ...shown,
      vdisks: shown.vdiskIds.map((id) => vdiskAttributes(host.inventory.get('vdisk', id)!)),
      vnics: vnics.map((vnic) => vnicAttributes(host.inventory, vnic)),
      services: servicesOf(host, vserver.id, vnics),
    };
  },
);

export const getVServerStatus = defineQuery(
  {
    name: 'getVServerStatus',
    summary: 'State, power, reason and condition of one VServer.',
    right: 'observe',
    params: queryParams(vserverId),
    result: Type.Pick(VServerAttributes, ['vserverId', 'state', 'power', 'reason', 'condition']),
    http: { verb: 'GET', path: '/v1/vservers/{vserverId}/status' },
  },
  ({ host, params }) => {
    const shown = attributes(host, find(host.inventory, 'vserver', params.vserverId));
    const { vserverId: id, state, power, reason, condition } = shown;
    return { vserverId: id, state, power, reason, ...(condition ? { condition } : {}) };
  },
);
