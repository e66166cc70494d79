// Questions about PublicIPs.
import { Type } from '@sinclair/typebox';
import { find } from '../operations/find.ts';
import { publicIpId, queryParams } from '../operations/parameters.ts';
import { PublicIpAttributes } from '../resources/public-ip.ts';
import { publicIpAttributes } from './attributes.ts';
import { defineQuery } from './query.ts';

export const listPublicIP = defineQuery(
  {
    name: 'listPublicIP',
    summary: 'Every public address that is allocated on this host.',
    right: 'observe',
    params: queryParams({}),
    result: Type.Array(PublicIpAttributes),
    http: { verb: 'GET', path: '/v1/public-ips' },
  },
  ({ host: { inventory } }) =>
    inventory.list('publicip').map((publicIp) => publicIpAttributes(inventory, publicIp)),
);

export const getPublicIPAttributes = defineQuery(
  {
    name: 'getPublicIPAttributes',
    summary: 'Everything known of one PublicIP.',
    right: 'observe',
    params: queryParams(publicIpId),
    result: PublicIpAttributes,
    http: { verb: 'GET', path: '/v1/public-ips/{publicIpId}' },
  },
  ({ host: { inventory }, params }) =>
    publicIpAttributes(inventory, find(inventory, 'publicip', params.publicIpId)),
);

export const getPublicIPStatus = defineQuery(
  {
    name: 'getPublicIPStatus',
    summary: 'Whether one PublicIP is attached, and to which VNIC.',
    right: 'observe',
    params: queryParams(publicIpId),
    result: Type.Pick(PublicIpAttributes, ['publicIpId', 'state', 'vnicId']),
    http: { verb: 'GET', path: '/v1/public-ips/{publicIpId}/status' },
  },
  ({ host: { inventory }, params }) => {
    const shown = publicIpAttributes(inventory, find(inventory, 'publicip', params.publicIpId));
    const { publicIpId: id, state, vnicId } = shown;
    return vnicId === undefined ? { publicIpId: id, state } : { publicIpId: id, state, vnicId };
  },
);
