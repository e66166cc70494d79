// Which guest types a Xen host runs, read from libvirt's capabilities.
import type { GuestType } from '../hypervisor.ts';

/** How libvirt's capabilities call the guest types. */
const OS_TYPES: readonly [GuestType, string][] = [
  ['hvm', '<os_type>hvm</os_type>'],
  ['pvh', '<os_type>xenpvh</os_type>'],
  ['pv', '<os_type>xen</os_type>'],
];

/** The types a capabilities document names. */
export function offeredTypes(capabilities: string): GuestType[] {
  return OS_TYPES.filter(([, element]) => capabilities.includes(element)).map(([type]) => type);
}
