// What a VServer has and may have by its VServerType: default VDisks and VNICs, and limits to both.
import type { Config, VServerTypeConfig } from '../../config/config.ts';
import type { Reader } from '../../guest/facts.ts';
import { nicsOf } from '../../guest/facts.ts';
import type { Host } from '../../host.ts';
import type { Transaction } from '../../inventory/transaction.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { newId } from '../../resources/names.ts';
import type { VDisk } from '../../resources/vdisk.ts';
import type { VServer } from '../../resources/vserver.ts';
import type { Step } from '../kind.ts';
import { disksOf } from '../machine.ts';
import { bytesOf } from '../vdisk/create.ts';
import { discardVolume, provision } from '../vdisk/steps.ts';
import type { VNicRequest } from './reserve.ts';
import type { VServerPlan } from './steps.ts';

/** As many VNICs as a machine has places for. */
const MOST_VNICS = 8;

/** Bytes of the default VDisks besides the system disk, each as it will be made. */
export function defaultSizes({ default_vdisks_gb: sizes = [] }: VServerTypeConfig): number[] {
  return sizes.map(bytesOf);
}

interface DiskSizes {
  pool: string;
  systemBytes: number;
  moreBytes: number[];
}

/** Puts its default VDisks into the inventory: the system disk, and blank ones at positions 1, 2 … @returns the first's id */
export function reserveDisks(
  tx: Transaction,
  { id, name, creator, createTime, imageId }: VServer,
  { pool, systemBytes, moreBytes }: DiskSizes,
): string {
  const ids = [systemBytes, ...moreBytes].map((sizeBytes, position) => {
    const vdisk: VDisk = {
      id: newId('vdisk'),
      name: `${name}-${position}`,
      creator,
      createTime,
      sizeBytes,
      kind: 'default',
      ...(position === 0 ? { imageId } : {}),
      pool,
      attachedTo: id,
      position,
      creating: true,
    };
    tx.put('vdisk', vdisk);
    return vdisk.id;
  });
  return ids[0]!;
}

const besidesSystem = (host: Host, { vserverId }: VServerPlan) =>
  disksOf(host.inventory, vserverId).filter(({ kind, position }) => kind === 'default' && position !== 0);

/** Their content. */
export const provisionDefaults: Step<VServerPlan> = {
  name: 'provision-default-disks',
  async run(context) {
    for (const { id } of besidesSystem(context.host, context.plan)) {
      await provision.run({ ...context, plan: { vdiskId: id } });
    }
  },
  async undo({ host, plan }) {
    for (const { id } of besidesSystem(host, plan)) await discardVolume(host, { vdiskId: id });
  },
};

/** The VNICs asked for, or those of the type where nothing was said. */
export function wantedNics(asked: VNicRequest[] | undefined, type: VServerTypeConfig): VNicRequest[] {
  return asked ?? (type.default_vnets ?? []).map((vnetId) => ({ vnetId }));
}

/** @throws InnkeeperError `conflict` if the VServer has more VDisks or VNICs than its type allows */
export function refuseTooMany(reader: Reader, { vserver_type }: Config, vserver: VServer): void {
  const type = vserver_type.find(({ name }) => name === vserver.vserverType);
  const refuse = (what: string, most: number, count: number) => {
    if (count <= most) return;
    const why = `VServer ${vserver.name} (${vserver.vserverType}) may have ${most} ${what}, and would have ${count}.`;
    throw new InnkeeperError('conflict', why, { vserver: vserver.id });
  };
  refuse('VNICs', type?.max_vnics ?? MOST_VNICS, nicsOf(reader, vserver.id).length);
  if (type?.max_vdisks) refuse('VDisks', type.max_vdisks, disksOf(reader, vserver.id).length);
}
