// Questions about VNets and VNICs.
import { Type } from '@sinclair/typebox';
import { find } from '../operations/find.ts';
import { queryParams, vnetId } from '../operations/parameters.ts';
import { Reference } from '../resources/names.ts';
import { VNetAttributes, VNicAttributes } from '../resources/vnet.ts';
import { vnetAttributes, vnicAttributes } from './attributes.ts';
import { defineQuery } from './query.ts';

export const listVNet = defineQuery(
  {
    name: 'listVNet',
    summary: 'Every VNet of this host.',
    right: 'observe',
    params: queryParams({}),
    result: Type.Array(VNetAttributes),
    http: { verb: 'GET', path: '/v1/vnets' },
  },
  ({ host }) => host.inventory.list('vnet').map((vnet) => vnetAttributes(host.inventory, host.config, vnet)),
);

export const getVNetAttributes = defineQuery(
  {
    name: 'getVNetAttributes',
    summary: 'Everything known of one VNet.',
    right: 'observe',
    params: queryParams(vnetId),
    result: VNetAttributes,
    http: { verb: 'GET', path: '/v1/vnets/{vnetId}' },
  },
  ({ host, params }) =>
    vnetAttributes(host.inventory, host.config, find(host.inventory, 'vnet', params.vnetId)),
);

export const listVNic = defineQuery(
  {
    name: 'listVNIC',
    summary: 'VNICs of this host, or of one VServer.',
    right: 'observe',
    params: queryParams({ vserverId: Type.Optional(Reference) }),
    result: Type.Array(VNicAttributes),
    http: { verb: 'GET', path: '/v1/vnics' },
  },
  ({ host, params }) => {
    const owner = params.vserverId && find(host.inventory, 'vserver', params.vserverId).id;
    const vnics = host.inventory.list('vnic').filter((vnic) => !owner || vnic.vserverId === owner);
    return vnics.map((vnic) => vnicAttributes(host.inventory, vnic));
  },
);

export const getVNicAttributes = defineQuery(
  {
    name: 'getVNICAttributes',
    summary: 'Everything known of one VNIC.',
    right: 'observe',
    params: queryParams({ vnicId: Reference }),
    result: VNicAttributes,
    http: { verb: 'GET', path: '/v1/vnics/{vnicId}' },
  },
  ({ host, params }) => vnicAttributes(host.inventory, find(host.inventory, 'vnic', params.vnicId)),
);
