// Where the host's CPUs, memory and huge pages are: libvirt's capabilities, and its count of free pages.
import type { HostNode, HostTopology } from '../hypervisor.ts';
import { isUnsupported } from '../libvirt/mod.ts';
import type { Session } from './dialect.ts';
import { xmlParser } from './read-xml.ts';

const CELL = 'capabilities.host.topology.cells.cell';
const parser = xmlParser([CELL, `${CELL}.pages`, `${CELL}.cpus.cpu`]);

/** What of a cell is read here; everything may be missing. */
interface Cell {
  '@id'?: string;
  memory?: { '#text'?: string };
  pages?: { '@size'?: string; '#text'?: string }[];
  cpus?: { cpu?: { '@id'?: string }[] };
}

interface Capabilities {
  capabilities?: { host?: { topology?: { cells?: { cell?: Cell[] } } } };
}

/** The capabilities of a host without NUMA, or of a hypervisor that hides it, name no node: then all is one. */
export async function hostTopology({ client: { host } }: Session): Promise<HostTopology> {
  const nodes = readNodes(await host.capabilities());
  if (nodes.length === 0) {
    const { cpus, memoryKiB } = await host.nodeInfo();
    const all = Array.from({ length: cpus }, (_, cpu) => cpu);
    return { nodes: [{ id: 0, memoryBytes: Number(memoryKiB) * 1024, cpus: all, hugepages: [] }] };
  }
  for (const node of nodes) {
    const sizes = node.hugepages.filter(({ total }) => total > 0);
    // Most hosts have reserved none; then there is nothing to ask.
    if (sizes.length === 0) continue;
    const free = await freePages(host, node.id, sizes);
    sizes.forEach((size, index) => {
      size.free = Math.min(size.total, Number(free?.[index] ?? size.total));
    });
  }
  return { nodes };
}

type Host = Session['client']['host'];

async function freePages(host: Host, node: number, sizes: HostNode['hugepages']) {
  try {
    const wanted = sizes.map(({ sizeKiB }) => sizeKiB);
    return await host.freePages(node, wanted);
  } catch (error) {
    if (isUnsupported(error)) return undefined;
    throw error;
  }
}

/**
 * The NUMA nodes of a capabilities document; `free` is still 0.
 * @see https://libvirt.org/formatcaps.html
 */
export function readNodes(capabilities: string): HostNode[] {
  const document = parser.parse(capabilities) as Capabilities;
  const cells = document.capabilities?.host?.topology?.cells?.cell ?? [];
  return cells
    .map((cell) => {
      const pages = (cell.pages ?? [])
        .map((page) => ({ sizeKiB: Number(page['@size']), total: Number(page['#text'] ?? 0), free: 0 }))
        .sort((a, b) => a.sizeKiB - b.sizeKiB);
      return {
        id: Number(cell['@id']),
        memoryBytes: Number(cell.memory?.['#text'] ?? 0) * 1024,
        cpus: (cell.cpus?.cpu ?? []).map((cpu) => Number(cpu['@id'])).sort((a, b) => a - b),
        // The smallest size is the ordinary page, which nobody reserves.
        hugepages: pages.slice(1),
      };
    })
    .sort((a, b) => a.id - b.id);
}
