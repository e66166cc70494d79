// pauseVServer and resumeVServer: host-level extras; the VServer stays `running`, with condition `paused`.
import type { Host } from '../../host.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { defineOperation } from '../kind.ts';
import { moveVServer, requireState } from '../transitions.ts';
import { lockVServer, shown, target, verb, type verbParams } from './definition.ts';
import { type VServerPlan, vserverOf } from './steps.ts';

function requirePause(host: Host): void {
  if (host.hypervisor.features.pause) return;
  throw new InnkeeperError('unsupported', 'This hypervisor cannot pause VServers.');
}

export const pauseVServer = defineOperation<typeof verbParams, VServerPlan>({
  definition: verb('pauseVServer', 'pause', 'Stops the vCPUs of a running VServer; memory and devices stay.'),
  locks: lockVServer,
  begin({ host, tx, params }) {
    requirePause(host);
    const vserver = target(tx, params);
    requireState(vserver, ['running'], 'paused');
    return { vserverId: vserver.id };
  },
  steps: [
    {
      name: 'pause',
      run: ({ host, plan }) => host.hypervisor.pause(vserverOf(host, plan).domain),
      undo: ({ host, plan }) => host.hypervisor.resume(vserverOf(host, plan).domain),
    },
  ],
  finish(tx, { vserverId }) {
    moveVServer(tx, vserverId, { condition: 'paused', reason: 'paused: asked for' });
    return shown(tx, vserverId);
  },
  abandon() {},
});

export const resumeVServer = defineOperation<typeof verbParams, VServerPlan>({
  definition: verb('resumeVServer', 'resume', 'Lets a paused VServer run on.'),
  locks: lockVServer,
  begin({ host, tx, params }) {
    requirePause(host);
    const vserver = target(tx, params);
    requireState(vserver, ['running'], 'resumed');
    return { vserverId: vserver.id };
  },
  steps: [{ name: 'resume', run: ({ host, plan }) => host.hypervisor.resume(vserverOf(host, plan).domain) }],
  finish(tx, { vserverId }) {
    moveVServer(tx, vserverId, { condition: undefined, reason: 'resumed: asked for' });
    return shown(tx, vserverId);
  },
  abandon() {},
  forwardOnly: true,
});
