// What the host is, asked of libvirt.
import type { HostFacts } from '../hypervisor.ts';
import type { Session } from './dialect.ts';
import { readText } from './read-xml.ts';

/** Facts that do not change while the host runs; five calls side by side. */
export async function hostFacts({ client, dialect }: Session): Promise<HostFacts> {
  const { host } = client;
  const [hypervisorVersion, libvirtVersion, hostname, node, capabilities] = await Promise.all([
    host.version(),
    host.libvirtVersion(),
    host.hostname(),
    host.nodeInfo(),
    host.capabilities(),
  ]);
  const cpu = (name: string): string => readText(capabilities, ['capabilities', 'host', 'cpu', name]);
  return {
    ...dialect.facts,
    hypervisorVersion,
    libvirtVersion,
    hostname,
    architecture: cpu('arch') || node.model,
    cpuModel: cpu('model') || node.model,
    cpus: node.cpus,
    cpuMhz: node.mhz,
    numaNodes: node.nodes,
    memoryMiB: Math.floor(Number(node.memoryKiB) / 1024),
  };
}
