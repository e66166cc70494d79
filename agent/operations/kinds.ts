// The verbs: every kind of operation there is.
import { registerDiskImage } from './image/register.ts';
import { unregisterDiskImage } from './image/unregister.ts';
import type { OperationKind } from './kind.ts';
import { createVNet } from './vnet/create.ts';
import { destroyVNet } from './vnet/destroy.ts';
import { createVServer } from './vserver/create.ts';
import { destroyVServer } from './vserver/destroy.ts';
import { powerOffVServer } from './vserver/power-off.ts';
import { powerOnVServer } from './vserver/power-on.ts';
import { powerResetVServer } from './vserver/power-reset.ts';
import { restartVServer } from './vserver/restart.ts';
import { startVServer } from './vserver/start.ts';
import { stopVServer } from './vserver/stop.ts';

export const OPERATIONS = [
  createVServer,
  destroyVServer,
  startVServer,
  stopVServer,
  restartVServer,
  powerOnVServer,
  powerOffVServer,
  powerResetVServer,
  createVNet,
  destroyVNet,
  registerDiskImage,
  unregisterDiskImage,
] as unknown as readonly OperationKind[];
