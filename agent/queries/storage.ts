// Questions about VDisks and DiskImages.
import { Type } from '@sinclair/typebox';
import { find } from '../operations/find.ts';
import { imageId, queryParams, vdiskId } from '../operations/parameters.ts';
import { DiskImageAttributes } from '../resources/disk-image.ts';
import { VDiskAttributes } from '../resources/vdisk.ts';
import { imageAttributes, vdiskAttributes } from './attributes.ts';
import { defineQuery } from './query.ts';

export const listDiskImage = defineQuery(
  {
    name: 'listDiskImage',
    summary: 'Every DiskImage registered on this host.',
    right: 'observe',
    params: queryParams({}),
    result: Type.Array(DiskImageAttributes),
    http: { verb: 'GET', path: '/v1/images' },
  },
  ({ host }) => host.inventory.list('image').map(imageAttributes),
);

export const getDiskImageAttributes = defineQuery(
  {
    name: 'getDiskImageAttributes',
    summary: 'Everything known of one DiskImage.',
    right: 'observe',
    params: queryParams(imageId),
    result: DiskImageAttributes,
    http: { verb: 'GET', path: '/v1/images/{imageId}' },
  },
  ({ host, params }) => imageAttributes(find(host.inventory, 'image', params.imageId)),
);

export const listVDisk = defineQuery(
  {
    name: 'listVDisk',
    summary: 'Every VDisk of this host.',
    right: 'observe',
    params: queryParams({}),
    result: Type.Array(VDiskAttributes),
    http: { verb: 'GET', path: '/v1/vdisks' },
  },
  ({ host }) => host.inventory.list('vdisk').map(vdiskAttributes),
);

export const getVDiskAttributes = defineQuery(
  {
    name: 'getVDiskAttributes',
    summary: 'Everything known of one VDisk.',
    right: 'observe',
    params: queryParams(vdiskId),
    result: VDiskAttributes,
    http: { verb: 'GET', path: '/v1/vdisks/{vdiskId}' },
  },
  ({ host, params }) => vdiskAttributes(find(host.inventory, 'vdisk', params.vdiskId)),
);

export const getVDiskStatus = defineQuery(
  {
    name: 'getVDiskStatus',
    summary: 'Whether one VDisk is attached, and to which VServer.',
    right: 'observe',
    params: queryParams(vdiskId),
    result: Type.Pick(VDiskAttributes, ['vdiskId', 'state', 'attachedTo', 'position']),
    http: { verb: 'GET', path: '/v1/vdisks/{vdiskId}/status' },
  },
  ({ host, params }) => {
    const shown = vdiskAttributes(find(host.inventory, 'vdisk', params.vdiskId));
    const { attachedTo, position } = shown;
    const { vdiskId: id, state } = shown;
    return attachedTo === undefined ? { vdiskId: id, state } : { vdiskId: id, state, attachedTo, position };
  },
);
