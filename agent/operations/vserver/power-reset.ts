// powerResetVServer: power off, power on, and boot again if it was running.
import { admitPower } from '../../capacity/admission.ts';
import { defineOperation } from '../kind.ts';
import { moveVServer } from '../transitions.ts';
import { lockVServer, shown, target, verb, type verbParams } from './definition.ts';
import { boot, cutPower, isolate, type VServerPlan } from './steps.ts';

interface Plan extends VServerPlan {
  boot: boolean;
}

export const powerResetVServer = defineOperation<typeof verbParams, Plan>({
  definition: verb(
    'powerResetVServer',
    'power-reset',
    'Cuts the power and gives it back; boots again if it was running.',
  ),
  locks: lockVServer,
  begin({ host, tx, params }) {
    const vserver = target(tx, params);
    admitPower(tx, host.config.capacity, host.totals, vserver);
    const running = vserver.state === 'running' || vserver.state === 'stopping';
    moveVServer(tx, vserver.id, { power: 'on', condition: 'busy', reason: 'power reset asked for' });
    return { vserverId: vserver.id, boot: running };
  },
  steps: [
    { name: 'cut-power', run: ({ host, plan }) => cutPower(host, plan) },
    { name: 'isolate', run: isolate.run },
    { name: 'boot', run: async (context) => (context.plan.boot ? boot.run(context) : undefined) },
  ],
  finish(tx, { vserverId, boot: booted }) {
    const vserver = tx.get('vserver', vserverId)!;
    if (vserver.state !== 'inactive')
      moveVServer(tx, vserverId, { state: 'inactive', power: 'on', reason: 'power reset' });
    if (booted) moveVServer(tx, vserverId, { state: 'running', reason: 'started: power reset' });
    else moveVServer(tx, vserverId, { power: 'on', reason: 'power reset' });
    return shown(tx, vserverId);
  },
  abandon(tx, { vserverId }, error) {
    moveVServer(tx, vserverId, {
      state: 'inactive',
      power: 'on',
      reason: `power reset failed: ${error.message}`,
    });
  },
  forwardOnly: true,
});
