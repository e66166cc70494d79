// What the host is, asked of libvirt.
import type { HostFacts } from '../hypervisor.ts';
import { isUnsupported } from '../libvirt/mod.ts';
import type { Session } from './dialect.ts';
import { readFacts } from './read-xml.ts';

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
  const told = readFacts(capabilities);
  const cpu = (name: string): string => told.text(['capabilities', 'host', 'cpu', name]);
  return {
    ...dialect.facts,
    hypervisorVersion,
    libvirtVersion,
    hostname,
    architecture: cpu('arch') || node.model,
    cpuModel: cpu('model') || node.model,
    cpuVendor: cpu('vendor'),
    cpuFeatures: told.names(['capabilities', 'host', 'cpu', 'feature']).sort(),
    cpus: node.cpus,
    cpuMhz: node.mhz,
    numaNodes: node.nodes,
    memoryMiB: Math.floor(Number(node.memoryKiB) / 1024),
  };
}

/**
 * What libvirt calls free: of the whole machine, also where the agent's own kernel sees but a part of it (Xen's dom0).
 * What a kernel only keeps to save reading again (buffers, cache) is free too, where libvirt tells it.
 */
export async function freeMemoryMiB({ client }: Session): Promise<number> {
  const stats = await client.host.memoryStats().catch((error: unknown) => {
    if (isUnsupported(error)) return undefined;
    throw error;
  });
  if (!stats) return Math.floor(Number(await client.host.freeMemory()) / 2 ** 20);
  const kib = ['free', 'buffers', 'cached'].reduce((sum, name) => sum + Number(stats.get(name) ?? 0), 0);
  return Math.floor(kib / 1024);
}
