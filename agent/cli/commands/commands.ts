// Every command that is one method of the agent, and the nouns they are grouped by.
import type { CommandRow } from '../command-row.ts';
import { HOST_COMMANDS } from './host.ts';
import { NETWORK_COMMANDS } from './network.ts';
import { STORAGE_COMMANDS } from './storage.ts';
import { VSERVER_COMMANDS } from './vserver.ts';

/** Nouns in the order of the help text. */
export const NOUNS: Record<string, string> = {
  vserver: 'virtual machines',
  vnet: 'virtual networks',
  vnic: 'network interfaces of VServers',
  publicip: 'addresses of the provider that lead to VNICs',
  image: 'disk images',
  disk: 'virtual disks',
  type: 'the kinds of VServers this host offers',
  operation: 'what the agent is doing and has done',
};

export const COMMANDS: readonly CommandRow[] = [
  ...VSERVER_COMMANDS,
  ...NETWORK_COMMANDS,
  ...STORAGE_COMMANDS,
  ...HOST_COMMANDS,
];
