// createVDisk: an optional, unattached VDisk, blank or from a DiskImage.
import { type Static, Type } from '@sinclair/typebox';
import { admitDisk } from '../../capacity/admission.ts';
import type { MethodDefinition } from '../../methods.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { Name, newId, Reference } from '../../resources/names.ts';
import { VDiskAttributes } from '../../resources/vdisk.ts';
import { find, refuseTakenName } from '../find.ts';
import { type BeginContext, defineOperation } from '../kind.ts';
import { operationParams } from '../parameters.ts';
import { shownVDisk } from './definition.ts';
import { provision, type VolumePlan } from './steps.ts';

/** GB of 10^9 bytes, down to a megabyte. */
export const SizeGB = Type.Number({ minimum: 0.001, maximum: 1_000_000 });

/** Whole sectors of 4096 bytes. */
export function bytesOf(sizeGB: number): number {
  return Math.ceil((sizeGB * 1e9) / 4096) * 4096;
}

const params = operationParams({
  name: Name,
  sizeGB: SizeGB,
  pool: Type.Optional(Name),
  imageId: Type.Optional(Reference),
});

const definition: MethodDefinition<typeof params> = {
  name: 'createVDisk',
  summary: 'Makes an optional VDisk, blank or with the content of a DiskImage.',
  right: 'operate',
  kind: 'operation',
  params,
  result: VDiskAttributes,
  http: { verb: 'POST', path: '/v1/vdisks' },
};

function begin({ host, tx, params: asked, caller }: BeginContext<Static<typeof params>>): VolumePlan {
  refuseTakenName(tx, 'vdisk', asked.name);
  const pool = asked.pool ?? host.config.pool[0]!.name;
  const sizeBytes = bytesOf(asked.sizeGB);
  const image = asked.imageId === undefined ? undefined : find(tx, 'image', asked.imageId);
  if (image && image.state !== 'available') {
    throw new InnkeeperError('wrong-state', `DiskImage ${image.name} is still being registered.`, {
      image: image.id,
    });
  }
  if (image && image.virtualSizeBytes! > sizeBytes) {
    const why = `DiskImage ${image.name} needs ${image.virtualSizeBytes! / 1e9} GB; ${asked.sizeGB} GB are asked for.`;
    throw new InnkeeperError('invalid', why, { image: image.id });
  }
  admitDisk(tx, host.config.capacity, host.totals, pool, sizeBytes);
  const id = newId('vdisk');
  tx.put('vdisk', {
    id,
    name: asked.name,
    creator: caller.name,
    createTime: new Date().toISOString(),
    sizeBytes,
    kind: 'optional',
    ...(image ? { imageId: image.id } : {}),
    pool,
    creating: true,
  });
  return { vdiskId: id };
}

export const createVDisk = defineOperation<typeof params, VolumePlan>({
  definition,
  locks: () => [],
  begin,
  steps: [provision],
  finish(tx, { vdiskId }) {
    tx.patch('vdisk', vdiskId, { creating: undefined });
    tx.event('vdisk.created', { vdisk: vdiskId });
    return shownVDisk(tx, vdiskId);
  },
  abandon(tx, { vdiskId }, error) {
    tx.remove('vdisk', vdiskId);
    tx.event('vdisk.create-failed', { vdisk: vdiskId }, { code: error.code, message: error.message });
  },
});
