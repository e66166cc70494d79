// backupVDisk: a new, unattached VDisk with the same capacity and content, at one point in time.
import { Type } from '@sinclair/typebox';
import { admitDisk } from '../../capacity/admission.ts';
import { Name, newId } from '../../resources/names.ts';
import { refuseTakenName } from '../find.ts';
import { defineOperation } from '../kind.ts';
import { lockVDisk, readyVDisk, requireQuiet, shownVDisk, vdiskVerb } from './definition.ts';
import { provision, type VolumePlan } from './steps.ts';

const definition = vdiskVerb('backupVDisk', 'backup', 'Copies a VDisk into a new, unattached one.', {
  name: Name,
  pool: Type.Optional(Name),
});

export const backupVDisk = defineOperation<typeof definition.params, VolumePlan>({
  definition,
  locks: lockVDisk,
  begin({ host, tx, params, caller }) {
    const source = readyVDisk(tx, params.vdiskId);
    requireQuiet(tx, source, 'backed up');
    refuseTakenName(tx, 'vdisk', params.name);
    const pool = params.pool ?? source.pool;
    admitDisk(tx, host.config.capacity, host.totals, pool, source.sizeBytes);
    const id = newId('vdisk');
    tx.put('vdisk', {
      id,
      name: params.name,
      creator: caller.name,
      createTime: new Date().toISOString(),
      sizeBytes: source.sizeBytes,
      kind: 'optional',
      ...(source.imageId ? { imageId: source.imageId } : {}),
      backupSrcVDisk: source.id,
      pool,
      creating: true,
    });
    return { vdiskId: id };
  },
  steps: [provision],
  finish(tx, { vdiskId }) {
    tx.patch('vdisk', vdiskId, { creating: undefined });
    const source = tx.get('vdisk', vdiskId)!.backupSrcVDisk!;
    tx.event('vdisk.backed-up', { vdisk: source, backup: vdiskId });
    return shownVDisk(tx, vdiskId);
  },
  abandon(tx, { vdiskId }, error) {
    tx.remove('vdisk', vdiskId);
    tx.event('vdisk.backup-failed', { backup: vdiskId }, { code: error.code, message: error.message });
  },
});
