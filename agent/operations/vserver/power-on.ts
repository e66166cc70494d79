// powerOnVServer: takes vCPUs and memory again; refused when the host has none to promise.
import { admitPower } from '../../capacity/admission.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { defineOperation } from '../kind.ts';
import { moveVServer, requireState } from '../transitions.ts';
import { lockVServer, shown, target, verb, type verbParams } from './definition.ts';
import type { VServerPlan } from './steps.ts';

export const powerOnVServer = defineOperation<typeof verbParams, VServerPlan>({
  definition: verb(
    'powerOnVServer',
    'power-on',
    'Allocates vCPUs and memory again; the VServer is then inactive.',
  ),
  locks: lockVServer,
  begin({ host, tx, params }) {
    const vserver = target(tx, params);
    requireState(vserver, ['inactive', 'error'], 'powered on');
    if (vserver.condition === 'saved') {
      const why = `VServer ${vserver.name} is saved; restore it, or give up its memory with powerOffVServer.`;
      throw new InnkeeperError('wrong-state', why, { vserver: vserver.id });
    }
    admitPower(tx, host.config.capacity, host.totals, vserver);
    moveVServer(tx, vserver.id, { state: 'inactive', power: 'on', reason: 'power on: asked for' });
    return { vserverId: vserver.id };
  },
  steps: [],
  finish: (tx, { vserverId }) => shown(tx, vserverId),
  abandon() {},
});
