// Whether a machine has a process now, asked of the hypervisor itself.
import type { DomainRef, DomainState } from '../libvirt/mod.ts';
import type { Session } from './dialect.ts';

/** True for a machine that runs, is paused or is on its way to either. */
export async function isActive({ client }: Session, domain: DomainRef): Promise<boolean> {
  const { state } = await client.domains.state(domain);
  return isActiveState(state);
}

/** The same of a state that is known. */
export function isActiveState(state: DomainState): boolean {
  return state !== 'shutoff' && state !== 'crashed';
}
