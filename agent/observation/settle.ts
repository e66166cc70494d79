// Decides what a VServer's state is, given what the hypervisor shows of its machine. Pure.
import { isOff, type MachineSample } from '../../drivers/hypervisor.ts';
import type { Transition } from '../operations/transitions.ts';
import type { VServer } from '../resources/vserver.ts';

/** Why a machine is off, in words for a person, from the hypervisor's own reason. */
export function whyOff(reason: string, vserver: Pick<VServer, 'state' | 'reason'>): string {
  if (/panic/i.test(reason)) return 'the guest panicked';
  if (/crash|fail/i.test(reason)) return `crashed (${reason})`;
  if (/destroy/i.test(reason)) return 'destroyed from outside the agent';
  if (/shutdown/i.test(reason)) {
    return vserver.state === 'stopping' ? `guest shut down: ${vserver.reason}` : 'guest shut down by itself';
  }
  return reason === '' ? 'found off' : `found off (${reason})`;
}

/**
 * What must change, or undefined. The same ending for a shutdown, `virsh destroy`, a crash and a host reboot.
 * @param sample absent when the hypervisor has no such machine
 */
export function settle(
  vserver: VServer,
  sample: MachineSample | undefined,
  why?: string,
): Transition | undefined {
  const off = sample === undefined || isOff(sample.state);
  if (vserver.state === 'creating') return undefined;
  if (off) {
    if (vserver.state !== 'running' && vserver.state !== 'stopping') return undefined;
    return { state: 'inactive', reason: why ?? whyOff(sample?.reason ?? 'its machine is gone', vserver) };
  }
  if (vserver.power === 'off' || vserver.state === 'error' || vserver.state === 'inactive') {
    return { state: 'running', power: 'on', reason: `found running (${sample.reason})` };
  }
  if (sample.state === 'paused' && vserver.condition !== 'paused') {
    return { condition: 'paused', reason: `found paused (${sample.reason})` };
  }
  if (sample.state === 'running' && vserver.condition) return { reason: 'running again' };
  return undefined;
}
