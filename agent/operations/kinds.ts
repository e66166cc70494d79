// The verbs: every kind of operation there is.
import { registerDiskImage } from './image/register.ts';
import { unregisterDiskImage } from './image/unregister.ts';
import type { OperationKind } from './kind.ts';
import { allocatePublicIP, freePublicIP } from './publicip/allocate.ts';
import { attachPublicIP, detachPublicIP } from './publicip/attach.ts';
import { attachVDisk } from './vdisk/attach.ts';
import { backupVDisk } from './vdisk/backup.ts';
import { createVDisk } from './vdisk/create.ts';
import { destroyVDisk } from './vdisk/destroy.ts';
import { detachVDisk } from './vdisk/detach.ts';
import { resizeVDisk } from './vdisk/resize.ts';
import { restoreVDisk } from './vdisk/restore.ts';
import { createVNet } from './vnet/create.ts';
import { destroyVNet } from './vnet/destroy.ts';
import { updateVNet } from './vnet/update.ts';
import { createVNIC } from './vnic/create.ts';
import { destroyVNIC } from './vnic/destroy.ts';
import { updateVNIC } from './vnic/update.ts';
import { createVServer } from './vserver/create.ts';
import { destroyVServer } from './vserver/destroy.ts';
import { pauseVServer, resumeVServer } from './vserver/pause.ts';
import { powerOffVServer } from './vserver/power-off.ts';
import { powerOnVServer } from './vserver/power-on.ts';
import { powerResetVServer } from './vserver/power-reset.ts';
import { restartVServer } from './vserver/restart.ts';
import { restoreVServer, saveVServer } from './vserver/save.ts';
import { startVServer } from './vserver/start.ts';
import { stopVServer } from './vserver/stop.ts';
import { updateVServer } from './vserver/update.ts';

export const OPERATIONS = [
  createVServer,
  destroyVServer,
  startVServer,
  stopVServer,
  restartVServer,
  powerOnVServer,
  powerOffVServer,
  powerResetVServer,
  pauseVServer,
  resumeVServer,
  saveVServer,
  restoreVServer,
  updateVServer,
  createVDisk,
  destroyVDisk,
  attachVDisk,
  detachVDisk,
  resizeVDisk,
  backupVDisk,
  restoreVDisk,
  createVNet,
  updateVNet,
  destroyVNet,
  createVNIC,
  updateVNIC,
  destroyVNIC,
  allocatePublicIP,
  freePublicIP,
  attachPublicIP,
  detachPublicIP,
  registerDiskImage,
  unregisterDiskImage,
] as unknown as readonly OperationKind[];
