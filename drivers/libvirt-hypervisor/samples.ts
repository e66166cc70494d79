// Rows of libvirt's bulk statistics as samples: one call for a whole host.
import type { MachineSample } from '../hypervisor.ts';
import { type DomainRef, type DomainStats, domainState, isNotFound, STATS } from '../libvirt/mod.ts';
import type { Session } from './dialect.ts';
import { machineState } from './states.ts';

const WANTED = STATS.state | STATS.cpuTotal | STATS.balloon | STATS.vcpu | STATS.interface | STATS.block;

/** Every domain of the host, ours and foreign, running or not, by one call. */
export async function listMachines(session: Session): Promise<MachineSample[]> {
  return (await rowsOf(session)).map(toSample);
}

/** The machine of that name, or undefined. */
export async function findMachine(session: Session, name: string): Promise<MachineSample | undefined> {
  try {
    const domain = await session.client.domains.byName(name);
    const [row] = await rowsOf(session, [domain]);
    return row && toSample(row);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function rowsOf({ client, dialect }: Session, domains?: DomainRef[]): Promise<DomainStats[]> {
  if (dialect.statistics) return dialect.statistics(client, domains);
  return client.domains.stats(WANTED, dialect.statsFlags, domains);
}

/**
 * One row. NICs are counted from the guest's side, as libvirt does for taps.
 * @see https://libvirt.org/html/libvirt-libvirt-domain.html#virConnectGetAllDomainStats
 */
export function toSample({ domain, params }: DomainStats): MachineSample {
  const number = (field: string): number => Number(params.get(field) ?? 0);
  const bytes = (field: string): bigint => BigInt(params.get(field) ?? 0);
  const word = (field: string): string => String(params.get(field) ?? '');
  const { state, reason } = domainState(number('state.state'), number('state.reason'));
  const rss = params.get('balloon.rss');
  const sample: MachineSample = {
    name: domain.name,
    uuid: domain.uuid,
    state: machineState(state, reason),
    reason,
    vcpus: number('vcpu.current'),
    memoryMiB: Math.floor((number('balloon.current') || number('balloon.maximum')) / 1024),
    // For a domain that is off libvirt tells the CPU time of something else, if any.
    cpuTimeNs: state === 'shutoff' ? 0n : bytes('cpu.time'),
    disks: indices(number('block.count')).map((index) => ({
      target: word(`block.${index}.name`),
      path: word(`block.${index}.path`),
      readBytes: bytes(`block.${index}.rd.bytes`),
      writeBytes: bytes(`block.${index}.wr.bytes`),
      readRequests: bytes(`block.${index}.rd.reqs`),
      writeRequests: bytes(`block.${index}.wr.reqs`),
    })),
    nics: indices(number('net.count')).map((index) => ({
      device: word(`net.${index}.name`),
      receivedBytes: bytes(`net.${index}.rx.bytes`),
      sentBytes: bytes(`net.${index}.tx.bytes`),
      receivedPackets: bytes(`net.${index}.rx.pkts`),
      sentPackets: bytes(`net.${index}.tx.pkts`),
    })),
  };
  return rss === undefined ? sample : { ...sample, rssKiB: Number(rss) };
}

/** More devices than any machine has: a wrong count must not make us loop for hours. */
const MAX_DEVICES = 1024;

function indices(count: number): number[] {
  return [...Array(Math.min(count, MAX_DEVICES)).keys()];
}
