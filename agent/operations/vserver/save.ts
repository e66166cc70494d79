// saveVServer and restoreVServer: the memory of a running VServer to disk and back; host-level extras.
import { rm } from 'node:fs/promises';
import { admit } from '../../capacity/admission.ts';
import type { Host } from '../../host.ts';
import { savedPath } from '../../paths.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { defineOperation } from '../kind.ts';
import { moveVServer, requireState } from '../transitions.ts';
import { refuseWhileAnyCopied, refuseWhileCopied } from '../vdisk/copying.ts';
import { lockVServer, shown, target, verb, type verbParams } from './definition.ts';
import { isolate, type VServerPlan, vserverOf } from './steps.ts';

function requireSave(host: Host): void {
  if (host.hypervisor.features.save) return;
  throw new InnkeeperError('unsupported', 'This hypervisor cannot save VServers.');
}

/** Forgets what was saved; nothing there is success. */
export function forgetSaved(host: Host, plan: VServerPlan): Promise<void> {
  return rm(savedPath(host.config, plan.vserverId), { force: true });
}

export const saveVServer = defineOperation<typeof verbParams, VServerPlan>({
  definition: verb(
    'saveVServer',
    'save',
    'Writes the memory of a running VServer to disk and gives back vCPUs and memory.',
  ),
  locks: lockVServer,
  begin({ host, tx, params }) {
    requireSave(host);
    const vserver = target(tx, params);
    requireState(vserver, ['running'], 'saved');
    // QEMU writes into the copy until the last moment, and so has none at which its memory could be kept.
    refuseWhileAnyCopied(tx, vserver.id);
    moveVServer(tx, vserver.id, { condition: 'busy', reason: 'save asked for' });
    return { vserverId: vserver.id };
  },
  steps: [
    {
      name: 'save',
      run: ({ host, plan }) =>
        host.hypervisor.save(vserverOf(host, plan).domain, savedPath(host.config, plan.vserverId)),
    },
  ],
  finish(tx, { vserverId }) {
    moveVServer(tx, vserverId, {
      state: 'inactive',
      power: 'off',
      condition: 'saved',
      reason: 'saved: asked for',
    });
    return shown(tx, vserverId);
  },
  abandon(tx, { vserverId }, error) {
    moveVServer(tx, vserverId, { reason: `save failed: ${error.message}` });
  },
  forwardOnly: true,
});

export const restoreVServer = defineOperation<typeof verbParams, VServerPlan>({
  definition: verb('restoreVServer', 'restore', 'Lets a saved VServer run on where it was.'),
  locks: lockVServer,
  begin({ host, tx, params }) {
    requireSave(host);
    const vserver = target(tx, params);
    if (vserver.condition !== 'saved') {
      const why = `VServer ${vserver.name} has not been saved, so there is nothing to restore.`;
      throw new InnkeeperError('wrong-state', why, { vserver: vserver.id });
    }
    refuseWhileCopied(tx, vserver.id);
    // What was saved is put back where it was: its definition at that time is saved with it.
    admit(tx, host.config.capacity, host.totals, vserver, { fixed: vserver.placement });
    moveVServer(tx, vserver.id, { power: 'on', condition: 'saved', reason: 'restore asked for' });
    return { vserverId: vserver.id };
  },
  steps: [
    { name: 'isolate', run: isolate.run },
    {
      name: 'restore',
      run: ({ host, plan }) =>
        host.hypervisor.restore(vserverOf(host, plan).domain, savedPath(host.config, plan.vserverId)),
    },
    { name: 'forget-saved', run: ({ host, plan }) => forgetSaved(host, plan) },
  ],
  finish(tx, { vserverId }) {
    moveVServer(tx, vserverId, { state: 'running', reason: 'restored: asked for' });
    return shown(tx, vserverId);
  },
  abandon(tx, { vserverId }, error) {
    const reason = `restore failed: ${error.message}`;
    moveVServer(tx, vserverId, { power: 'off', condition: 'saved', reason });
  },
  forwardOnly: true,
});
