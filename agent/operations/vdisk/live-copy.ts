// The content of a backup: copied by the hypervisor while a guest writes, by the pool when nothing can write.
import { isOff } from '../../../drivers/hypervisor.ts';
import type { Host } from '../../host.ts';
import { qmpPath } from '../../paths.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import type { VDisk } from '../../resources/vdisk.ts';
import type { VServer } from '../../resources/vserver.ts';
import type { Volume } from '../../storage/mod.ts';
import type { Step, StepContext } from '../kind.ts';
import { discardVolume, keepPlace, provision, type VolumePlan, vdiskOf } from './steps.ts';

export interface BackupPlan extends VolumePlan {
  sourceId: string;
  /** Its VServer ran when the backup began, and may end meanwhile: then the backup does too. */
  live?: boolean;
  freeze: boolean;
  track: boolean;
  sinceId?: string;
  bytesPerSecond?: number;
}

const FREEZE_MS = 20_000;

/**
 * A run that was cut off is not adopted but cleared away and begun anew: nobody has been told its moment yet,
 * so a later one is as good.
 */
export const copyAtOneMoment: Step<BackupPlan> = {
  name: provision.name,
  async run(context) {
    const { host, plan } = context;
    const source = host.inventory.get('vdisk', plan.sourceId)!;
    const owner = ownerOf(host, source);
    const off = await isOwnerOff(host, owner);
    const { pool } = vdiskOf(host, plan);
    const atOnce = host.pools.get(pool)!.snapshots && pool === source.pool && !plan.track;
    if (!owner || off) {
      // Nobody holds the VServer: it may be started again while a copy is still read.
      if (plan.live && !atOnce) throw ended(source, owner);
      refuseTracking(plan, source);
      return provision.run(context);
    }
    if (!atOnce) {
      const volume = await copied(context, source, owner).catch(async (error) => {
        throw plan.live && (await isOwnerOff(host, owner)) ? ended(source, owner, error) : error;
      });
      return keepPlace(host, plan.vdiskId, volume);
    }
    return plan.freeze ? frozen(host, owner, () => provision.run(context)) : provision.run(context);
  },
  async undo({ host, plan }) {
    const source = host.inventory.get('vdisk', plan.sourceId);
    const owner = source && ownerOf(host, source);
    // What is left in the machine writes into the volume: it goes first.
    if (owner)
      await host.hypervisor.clearBackup(owner.domain, source.position!, reference(host, plan, owner));
    await discardVolume(host, plan);
  },
};

async function copied(
  { host, plan, signal, progress }: StepContext<BackupPlan>,
  source: VDisk,
  owner: VServer,
): Promise<Volume> {
  const writer = { path: source.path!, format: source.format! };
  const since = plan.sinceId === undefined ? undefined : host.inventory.get('vdisk', plan.sinceId)!;
  // QEMU compares lengths, and a pool may have rounded up.
  const { sizeBytes } = (await host.pools.get(source.pool)!.find(source.id)) ?? source;
  const { bytesPerSecond } = plan;
  const fill = (target: { path: string; format: 'raw' | 'qcow2' }) =>
    host.hypervisor.backupDisk(owner.domain, source.position!, {
      ...reference(host, plan, owner),
      target,
      track: plan.track,
      ...(since ? { since: since.id } : {}),
      ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
      signal,
      onProgress: progress,
    });
  const from = since && { path: since.path!, format: since.format! };
  return host.pools
    .get(vdiskOf(host, plan).pool)!
    .createFilled(
      plan.vdiskId,
      { sizeBytes, writer, fill, ...(from ? { from } : {}) },
      { signal, onProgress: progress },
    );
}

/** A snapshot within the pool takes no time, but the guest may have more in memory. */
async function frozen(host: Host, owner: VServer, act: () => Promise<void>): Promise<void> {
  const ask = (execute: string) => host.hypervisor.guestAgent(owner.domain, { execute }, FREEZE_MS);
  await ask('guest-fsfreeze-thaw').catch(() => {});
  try {
    await ask('guest-fsfreeze-freeze');
    await act();
  } finally {
    await ask('guest-fsfreeze-thaw').catch(() => {});
  }
}

function ownerOf(host: Host, { attachedTo }: VDisk): VServer | undefined {
  return attachedTo ? host.inventory.get('vserver', attachedTo) : undefined;
}

function reference(host: Host, { vdiskId, freeze }: BackupPlan, owner: VServer) {
  return { id: vdiskId, qmpSocket: qmpPath(host.config, owner.id), freeze };
}

async function isOwnerOff(host: Host, owner: VServer | undefined): Promise<boolean> {
  return isOff(owner && (await host.hypervisor.find(owner.domain))?.state);
}

function ended({ id, name }: VDisk, owner: VServer | undefined, cause?: unknown): InnkeeperError {
  const who = owner ? `VServer ${owner.name}` : 'Its VServer';
  const why = `${who} ended while VDisk ${name} was copied; ask for the backup again.`;
  return new InnkeeperError(
    'wrong-state',
    why,
    { vdisk: id, ...(owner ? { vserver: owner.id } : {}) },
    cause,
  );
}

function refuseTracking({ track }: BackupPlan, source: VDisk): void {
  if (!track) return;
  const why = `VDisk ${source.name} is in use no more, so its changes cannot be tracked; take a complete backup.`;
  throw new InnkeeperError('wrong-state', why, { vdisk: source.id });
}
