// backupVDisk: a new, unattached VDisk with the same capacity and content, at one point in time.
import { type Static, Type } from '@sinclair/typebox';
import { admitDisk } from '../../capacity/admission.ts';
import type { Host } from '../../host.ts';
import type { Transaction } from '../../inventory/transaction.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { Name, newId, Reference } from '../../resources/names.ts';
import type { VDisk } from '../../resources/vdisk.ts';
import { find, refuseTakenName } from '../find.ts';
import { type BeginContext, defineOperation } from '../kind.ts';
import { beginCopying, endCopying, ownerKeys } from './copying.ts';
import { ownerOf, readyVDisk, requireQuiet, shownVDisk, vdiskVerb } from './definition.ts';
import { type BackupPlan, copyAtOneMoment } from './live-copy.ts';

const definition = vdiskVerb(
  'backupVDisk',
  'backup',
  'Copies a VDisk as it is at one moment into a new, unattached one, also while its VServer runs.',
  {
    name: Name,
    pool: Type.Optional(Name),
    freeze: Type.Optional(
      Type.Boolean({
        description: "A running guest's agent flushes and holds its file systems at that moment",
      }),
    ),
    track: Type.Optional(
      Type.Boolean({ description: 'Remember what a running guest changes afterwards, for a later `since`' }),
    ),
    since: Type.Optional({
      ...Reference,
      description: 'A tracked backup: only what has changed since is read. Includes `track`.',
    }),
    bytesPerSecond: Type.Optional(
      Type.Integer({ minimum: 65_536, description: 'Most that is copied from a running VServer per second' }),
    ),
  },
);
type Params = Static<typeof definition.params>;

function begin({ host, tx, params, caller, operationId }: BeginContext<Params>): BackupPlan {
  const source = readyVDisk(tx, params.vdiskId);
  const running = ownerOf(tx, source)?.state === 'running' && host.hypervisor.features.liveBackup;
  if (!running) requireQuiet(tx, source, 'backed up');
  const since = params.since === undefined ? undefined : trackedBackup(tx, source, params.since);
  const track = params.track === true || since !== undefined;
  if (track && !running) {
    const why = `Changes of VDisk ${source.name} are tracked only while its VServer runs; take a complete backup.`;
    throw new InnkeeperError('wrong-state', why, { vdisk: source.id });
  }
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
  const plan: BackupPlan = {
    vdiskId: id,
    sourceId: source.id,
    live: running,
    freeze: params.freeze ?? false,
    track,
    ...(since ? { sinceId: since.id } : {}),
    ...(params.bytesPerSecond === undefined ? {} : { bytesPerSecond: params.bytesPerSecond }),
  };
  beginCopying(tx, readBy(plan), operationId, running);
  return plan;
}

/** @throws InnkeeperError `not-found`, `wrong-state` if `reference` is no backup of `source` that can be built on */
function trackedBackup(tx: Transaction, source: VDisk, reference: string): VDisk {
  const backup = readyVDisk(tx, reference);
  if (backup.backupSrcVDisk === source.id && backup.tracked) return backup;
  const why = `No backup of ${source.name} can be taken since ${backup.name}: that is no tracked backup of it, or not as it was taken. Take a complete one.`;
  throw new InnkeeperError('wrong-state', why, { vdisk: source.id, backup: backup.id });
}

/** Not the VServer: that must obey while it is copied, however long it takes. */
function locks(host: Host, { vdiskId, since }: Params): string[] {
  const read = since === undefined ? [vdiskId] : [vdiskId, since];
  return read.map((reference) => `vdisk/${find(host.inventory, 'vdisk', reference).id}`);
}

/** What is only read, and by whom nobody may be surprised. */
const readBy = ({ sourceId, sinceId }: BackupPlan) => (sinceId ? [sourceId, sinceId] : [sourceId]);

export const backupVDisk = defineOperation<typeof definition.params, BackupPlan>({
  definition,
  locks,
  locksAtBegin: (host, { vdiskId }) => ownerKeys(host, vdiskId),
  begin,
  steps: [copyAtOneMoment],
  finish(tx, plan) {
    const { vdiskId, track, sinceId } = plan;
    endCopying(tx, readBy(plan));
    tx.patch('vdisk', vdiskId, { creating: undefined, ...(track ? { tracked: true } : {}) });
    const source = tx.get('vdisk', vdiskId)!.backupSrcVDisk!;
    // The hypervisor keeps one record of changes per disk: the newest.
    for (const other of track ? tx.list('vdisk') : []) {
      if (other.id !== vdiskId && other.backupSrcVDisk === source && other.tracked) {
        tx.patch('vdisk', other.id, { tracked: undefined });
      }
    }
    tx.event('vdisk.backed-up', { vdisk: source, backup: vdiskId }, sinceId ? { since: sinceId } : {});
    return shownVDisk(tx, vdiskId);
  },
  abandon(tx, plan, error) {
    const { vdiskId } = plan;
    endCopying(tx, readBy(plan));
    tx.remove('vdisk', vdiskId);
    tx.event('vdisk.backup-failed', { backup: vdiskId }, { code: error.code, message: error.message });
  },
});
