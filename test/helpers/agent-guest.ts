// A guest that is a network namespace, in the place of a VServer's tap: behind a real agent's bridge and rules.

import type { TestAgent } from './agent-process.ts';
import { addStation, removeStations, type Station } from './network-lab.ts';
import { sh } from './wires.ts';

export interface Vnic {
  vnicId: string;
  vnetId: string;
  mac: string;
  device: string;
  ipv4Address?: string;
  ipv6Address?: string;
}

export interface AgentGuest extends Station {
  /** Runs a command inside. */
  inside(...command: string[]): Promise<string>;
  remove(): Promise<void>;
}

/** Makes the guest of a VNIC, without addresses. The VServer's own machine must have no tap (test:///default). */
export async function agentGuest(agent: TestAgent, vnic: Vnic): Promise<AgentGuest> {
  const { bridge } = await agent.call<{ bridge: string }>('getVNetAttributes', { vnetId: vnic.vnetId });
  // Not a name the agent would give to a VNet's namespace.
  const station = { namespace: `${agent.prefix}g-${vnic.vnicId}`, port: vnic.device, mac: vnic.mac };
  await addStation(bridge, station);
  return {
    ...station,
    inside: (...command) => sh('ip', 'netns', 'exec', station.namespace, ...command),
    remove: () => removeStations([station]),
  };
}

/** Waits until `holds`; what it waited for is in the error. */
export async function eventually(what: string, holds: () => Promise<boolean>, ms = 90_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
