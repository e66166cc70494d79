// stopVServer: asks the guest's OS to shut down; it stays `stopping` until the OS really is down.
import { defineOperation } from '../kind.ts';
import { moveVServer, requireState } from '../transitions.ts';
import { lockVServer, shown, target, verb, type verbParams } from './definition.ts';
import { type VServerPlan, vserverOf } from './steps.ts';

export const stopVServer = defineOperation<typeof verbParams, VServerPlan>({
  definition: verb(
    'stopVServer',
    'stop',
    'Asks the guest to shut down; inactive only once it really is down.',
  ),
  locks: lockVServer,
  begin({ tx, params }) {
    const vserver = target(tx, params);
    requireState(vserver, ['running', 'stopping'], 'stopped');
    moveVServer(tx, vserver.id, { state: 'stopping', reason: 'stop asked for' });
    return { vserverId: vserver.id };
  },
  steps: [
    {
      name: 'ask-guest',
      run: ({ host, plan }) => host.hypervisor.shutdown(vserverOf(host, plan).domain),
    },
  ],
  // Whether the guest obeyed is for the observer to see, however long it takes.
  finish: (tx, { vserverId }) => shown(tx, vserverId),
  abandon(tx, { vserverId }, error) {
    moveVServer(tx, vserverId, { state: 'running', reason: `stop failed: ${error.message}` });
  },
  forwardOnly: true,
});
