// restoreVDisk: overwrites a VDisk's content from a backup while nothing can write to it.
import { InnkeeperError } from '../../resources/errors.ts';
import { Reference } from '../../resources/names.ts';
import { find } from '../find.ts';
import { defineOperation } from '../kind.ts';
import { lockVDisk, readyVDisk, requireQuiet, shownVDisk, vdiskVerb } from './definition.ts';
import { type VolumePlan, vdiskOf } from './steps.ts';

const definition = vdiskVerb('restoreVDisk', 'restore', 'Overwrites the content of a VDisk from a backup.', {
  backupId: Reference,
});

interface Plan extends VolumePlan {
  backupId: string;
}

export const restoreVDisk = defineOperation<typeof definition.params, Plan>({
  definition,
  locks: (host, params) => [
    ...lockVDisk(host, params),
    `vdisk/${find(host.inventory, 'vdisk', params.backupId).id}`,
  ],
  begin({ tx, params }) {
    const vdisk = readyVDisk(tx, params.vdiskId);
    const backup = readyVDisk(tx, params.backupId);
    const ids = { vdisk: vdisk.id, backup: backup.id };
    requireQuiet(tx, vdisk, 'restored');
    requireQuiet(tx, backup, 'restored from');
    if (backup.id === vdisk.id || backup.sizeBytes > vdisk.sizeBytes) {
      const why = backup.id === vdisk.id ? 'it is the same VDisk' : 'the backup is larger';
      throw new InnkeeperError(
        'invalid',
        `VDisk ${vdisk.name} cannot be restored from ${backup.name}: ${why}.`,
        ids,
      );
    }
    return { vdiskId: vdisk.id, backupId: backup.id };
  },
  steps: [
    {
      name: 'overwrite',
      async run({ host, plan, signal, progress }) {
        const vdisk = vdiskOf(host, plan);
        const backup = host.inventory.get('vdisk', plan.backupId)!;
        const from = { path: backup.path!, format: backup.format! };
        await host.pools.get(vdisk.pool)!.overwrite(vdisk.id, from, { signal, onProgress: progress });
      },
    },
  ],
  finish(tx, { vdiskId, backupId }) {
    tx.event('vdisk.restored', { vdisk: vdiskId, backup: backupId });
    return shownVDisk(tx, vdiskId);
  },
  // The pool replaces content in one step, so a restore that failed has changed nothing.
  abandon() {},
});
