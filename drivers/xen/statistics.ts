// The rows of libvirt's bulk statistics, put together from smaller answers: its Xen driver has no such call.
import {
  type DomainRef,
  type DomainStats,
  isNotFound,
  type LibvirtClient,
  LibvirtError,
  type TypedValue,
} from '../libvirt/mod.ts';
import { readDomain } from '../libvirt-hypervisor/read-xml.ts';

/** How many domains are asked at the same time: enough to keep the socket busy, few enough for its slots. */
const SIDE_BY_SIDE = 8;

/** Statistics of `domains`, or of every domain of the host; one that has gone meanwhile has no row. */
export async function statistics(client: LibvirtClient, domains?: DomainRef[]): Promise<DomainStats[]> {
  const waiting = [...(domains ?? (await client.domains.list()))];
  const rows: DomainStats[] = [];
  const work = async (): Promise<void> => {
    for (let domain = waiting.shift(); domain; domain = waiting.shift()) {
      const row = await rowOf(client, domain).catch(unlessGone);
      if (row) rows.push(row);
    }
  };
  await Promise.all([...Array(SIDE_BY_SIDE)].map(work));
  return rows;
}

async function rowOf(client: LibvirtClient, domain: DomainRef): Promise<DomainStats> {
  const [info, state, text] = await Promise.all([
    client.domains.info(domain),
    client.domains.stateNumbers(domain),
    client.domains.xml(domain),
  ]);
  const params = new Map<string, TypedValue>([
    ['state.state', state.state],
    ['state.reason', state.reason],
    ['cpu.time', info.cpuTimeNs],
    ['vcpu.current', info.vcpus],
    ['balloon.current', info.memoryKiB],
    ['balloon.maximum', info.maxMemoryKiB],
  ]);
  const { disks, nics } = readDomain(text);
  params.set('block.count', disks.length);
  params.set('net.count', nics.length);
  await Promise.all([
    ...disks.map(async ({ target, source }, index) => {
      params.set(`block.${index}.name`, target);
      params.set(`block.${index}.path`, source ?? '');
      await setCounters(params, `block.${index}`, client.domains.devices.blockStats(domain, target));
    }),
    ...nics.map(async ({ device }, index) => {
      params.set(`net.${index}.name`, device);
      await setCounters(params, `net.${index}`, client.domains.devices.interfaceStats(domain, device));
    }),
  ]);
  return { domain, params };
}

/** Counters that libvirt cannot tell (the domain is off, QEMU serves the disk) stay absent, which reads as 0. */
async function setCounters(
  params: Map<string, TypedValue>,
  prefix: string,
  answer: Promise<Record<string, bigint>>,
): Promise<void> {
  try {
    for (const [name, value] of Object.entries(await answer)) {
      // -1 is libvirt's "not known".
      if (value >= 0n) params.set(`${prefix}.${name}`, value);
    }
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
  }
}

function unlessGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}
