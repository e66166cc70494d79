// startVServer: boots an inactive VServer with power on.
import { InnkeeperError } from '../../resources/errors.ts';
import { defineOperation } from '../kind.ts';
import { moveVServer, requireState } from '../transitions.ts';
import { refuseWhileCopied } from '../vdisk/copying.ts';
import { lockVServer, shown, target, verb, type verbParams } from './definition.ts';
import { buildMedia } from './media.ts';
import { boot, define, isolate, type VServerPlan } from './steps.ts';

export const startVServer = defineOperation<typeof verbParams, VServerPlan>({
  definition: verb('startVServer', 'start', 'Boots an inactive VServer whose power is on.'),
  locks: lockVServer,
  begin({ tx, params }) {
    const vserver = target(tx, params);
    requireState(vserver, ['inactive'], 'started');
    if (vserver.power !== 'on') {
      const why = `VServer ${vserver.name} has its power off; use powerOnVServer first.`;
      throw new InnkeeperError('wrong-state', why, { vserver: vserver.id });
    }
    refuseWhileCopied(tx, vserver.id);
    moveVServer(tx, vserver.id, { condition: 'starting', reason: 'asked for' });
    return { vserverId: vserver.id };
  },
  // Rules, media and definition stay when starting fails: they belong to the VServer, not to this start.
  steps: [isolate, buildMedia, define].map(({ name, run }) => ({ name, run })).concat([boot]),
  finish(tx, { vserverId }) {
    moveVServer(tx, vserverId, { state: 'running', reason: 'started: asked for' });
    return shown(tx, vserverId);
  },
  abandon(tx, { vserverId }, error) {
    moveVServer(tx, vserverId, { state: 'inactive', reason: `start failed: ${error.message}` });
  },
});
