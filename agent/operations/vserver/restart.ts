// restartVServer: stop, wait for the guest to be down, start.
import { DriverError } from '../../../drivers/hypervisor.ts';
import { defineOperation } from '../kind.ts';
import { moveVServer, requireState } from '../transitions.ts';
import { lockVServer, shown, target, verb, type verbParams } from './definition.ts';
import { boot, type VServerPlan, vserverOf } from './steps.ts';

/** A guest has so long to shut down; after that it is left `stopping`. */
const SHUTDOWN_MS = 180_000;

export const restartVServer = defineOperation<typeof verbParams, VServerPlan>({
  definition: verb(
    'restartVServer',
    'restart',
    'Asks the guest to shut down and boots it again when it is down.',
  ),
  locks: lockVServer,
  begin({ tx, params }) {
    const vserver = target(tx, params);
    requireState(vserver, ['running'], 'restarted');
    moveVServer(tx, vserver.id, { state: 'stopping', reason: 'restart asked for' });
    return { vserverId: vserver.id };
  },
  steps: [
    {
      name: 'ask-guest',
      run: ({ host, plan }) => host.hypervisor.shutdown(vserverOf(host, plan).domain),
    },
    {
      name: 'await-down',
      async run({ host, plan, signal }) {
        const { domain, id } = vserverOf(host, plan);
        if (await host.machineOff(domain, SHUTDOWN_MS, signal)) return;
        throw new DriverError(
          'wrong-state',
          `The guest of ${id} has not shut down within ${SHUTDOWN_MS / 1000} s.`,
        );
      },
    },
    { name: 'boot', run: boot.run },
  ],
  finish(tx, { vserverId }) {
    moveVServer(tx, vserverId, { state: 'inactive', reason: 'guest shut down: restart asked for' });
    moveVServer(tx, vserverId, { state: 'running', reason: 'started: restart asked for' });
    return shown(tx, vserverId);
  },
  // The observer will see what became of it; until then it is stopping, as a deaf guest is.
  abandon(tx, { vserverId }, error) {
    moveVServer(tx, vserverId, { reason: `restart failed: ${error.message}` });
  },
  forwardOnly: true,
});
