// Every change of a VServer's state goes through here: checked against the table, told as one event.
import type { Transaction } from '../inventory/transaction.ts';
import { InnkeeperError } from '../resources/errors.ts';
import { NEXT_STATES, type VServer, type VServerStateName } from '../resources/vserver.ts';

export interface Transition {
  state?: VServerStateName;
  power?: 'on' | 'off';
  condition?: VServer['condition'] | undefined;
  /** For a person: why. */
  reason: string;
}

/** Changes state, power or condition of a VServer and announces it once, with the reason. */
export function moveVServer(tx: Transaction, id: string, to: Transition): void {
  const vserver = tx.get('vserver', id);
  if (!vserver) return;
  const state = to.state ?? vserver.state;
  const power = to.power ?? vserver.power;
  if (state !== vserver.state && !NEXT_STATES[vserver.state].includes(state)) {
    throw new InnkeeperError('internal', `VServer ${id} cannot go from ${vserver.state} to ${state}.`, {
      vserver: id,
    });
  }
  const same = state === vserver.state && power === vserver.power && to.condition === vserver.condition;
  if (same && to.reason === vserver.reason) return;
  tx.patch('vserver', id, { state, power, condition: to.condition, reason: to.reason });
  const data = {
    state,
    power,
    reason: to.reason,
    previous: vserver.state,
    ...(to.condition ? { condition: to.condition } : {}),
  };
  tx.event('vserver.state', { vserver: id }, data);
}

/** @throws InnkeeperError `wrong-state`, with the state it is in and those that would do */
export function requireState(vserver: VServer, allowed: VServerStateName[], verb: string): void {
  if (allowed.includes(vserver.state)) return;
  const why = `VServer ${vserver.name} is ${vserver.state}; it can be ${verb} only when ${allowed.join(' or ')}.`;
  throw new InnkeeperError('wrong-state', why, { vserver: vserver.id });
}
