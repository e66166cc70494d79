// powerOffVServer: by force, from any state; vCPUs, memory and live NICs are given back.
import { defineOperation } from '../kind.ts';
import { moveVServer } from '../transitions.ts';
import { lockVServer, shown, target, verb, type verbParams } from './definition.ts';
import { forgetSaved } from './save.ts';
import { cutPower, type VServerPlan } from './steps.ts';

export const powerOffVServer = defineOperation<typeof verbParams, VServerPlan>({
  definition: verb(
    'powerOffVServer',
    'power-off',
    'Cuts the power, in any state, and gives back vCPUs and memory.',
  ),
  locks: lockVServer,
  begin({ tx, params }) {
    const { id } = target(tx, params);
    moveVServer(tx, id, { condition: 'busy', reason: 'power off asked for' });
    return { vserverId: id };
  },
  steps: [
    { name: 'cut-power', run: ({ host, plan }) => cutPower(host, plan) },
    // Whoever cuts the power of a saved VServer gives up what it had in memory.
    { name: 'forget-saved', run: ({ host, plan }) => forgetSaved(host, plan) },
  ],
  finish(tx, { vserverId }) {
    moveVServer(tx, vserverId, { state: 'inactive', power: 'off', reason: 'power off: asked for' });
    return shown(tx, vserverId);
  },
  abandon(tx, { vserverId }, error) {
    moveVServer(tx, vserverId, { reason: `power off failed: ${error.message}` });
  },
  forwardOnly: true,
});
