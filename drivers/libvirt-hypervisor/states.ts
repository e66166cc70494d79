// libvirt's states and lifecycle events in the words of the contract, as tables.
import type { MachineState } from '../hypervisor.ts';
import type { DomainState, LifecycleEventName } from '../libvirt/mod.ts';

/** `blocked` is Xen's word for a running machine that waits; `nostate` is Xen's between two schedules. */
const MACHINE_STATES: Record<DomainState, MachineState> = {
  nostate: 'running',
  running: 'running',
  blocked: 'running',
  paused: 'paused',
  shutdown: 'shutting-down',
  shutoff: 'off',
  crashed: 'crashed',
  pmsuspended: 'paused',
};

/** libvirt shows a machine as paused while QEMU is set up and taken down; nobody paused it. */
const NOT_REALLY_PAUSED: Readonly<Record<string, MachineState>> = {
  'starting-up': 'running',
  'shutting-down': 'shutting-down',
};

/** A state with its reason, in the words of the contract. */
export function machineState(state: DomainState, reason: string): MachineState {
  return (state === 'paused' ? NOT_REALLY_PAUSED[reason] : undefined) ?? MACHINE_STATES[state];
}

/**
 * The state each lifecycle event leads to. A machine that crashed and was cleared away is `off` with the
 * reason `crashed`: `crashed` as a state is a machine that still holds its memory.
 * Definitions say nothing about the state: it is looked up.
 */
export const LIFECYCLE_STATES: Record<LifecycleEventName | 'unknown', MachineState | 'look-up'> = {
  defined: 'look-up',
  undefined: 'look-up',
  unknown: 'look-up',
  started: 'running',
  suspended: 'paused',
  resumed: 'running',
  stopped: 'off',
  shutdown: 'shutting-down',
  pmsuspended: 'paused',
  crashed: 'crashed',
};
