// What Prometheus is told of each VServer: one bulk call's samples, joined with the inventory's names. Pure.
import type { MachineSample } from '../../drivers/hypervisor.ts';
import type { Labels, Metric } from './exposition.ts';

/** A VServer as its metrics name it. */
export interface Named {
  id: string;
  name: string;
  domain: string;
}

type Value = number | bigint | undefined;
type Row = readonly [labels: Labels, value: number | bigint];

/** Rows of the machines that are ours; others are nobody's business here. */
export function vserverMetrics(samples: readonly MachineSample[], vservers: readonly Named[]): Metric[] {
  const byDomain = new Map(vservers.map((vserver) => [vserver.domain, vserver]));
  const ours = samples.flatMap((sample) => {
    const vserver = byDomain.get(sample.name);
    return vserver ? [{ sample, labels: { vserver: vserver.id, name: vserver.name } }] : [];
  });
  const metric = (
    type: Metric['type'],
    name: string,
    help: string,
    of: (sample: MachineSample) => Iterable<readonly [Labels, Value]>,
  ): Metric => ({
    name: `innkeeper_vserver_${name}`,
    help,
    type,
    values: ours.flatMap(({ sample, labels }) =>
      [...of(sample)].flatMap(([more, value]): Row[] =>
        value === undefined ? [] : [[{ ...labels, ...more }, value]],
      ),
    ),
  });
  const disks = (of: (disk: MachineSample['disks'][number]) => bigint) => (sample: MachineSample) =>
    sample.disks.map((disk) => [{ disk: disk.target }, of(disk)] as const);
  const nics = (of: (nic: MachineSample['nics'][number]) => bigint) => (sample: MachineSample) =>
    sample.nics.map((nic) => [{ device: nic.device }, of(nic)] as const);
  return [
    metric('counter', 'cpu_seconds_total', 'Processor time since it was started.', (sample) => [
      [{}, Number(sample.cpuTimeNs) / 1e9],
    ]),
    metric('gauge', 'vcpus', 'vCPUs it has now.', ({ vcpus }) => [[{}, vcpus]]),
    metric('gauge', 'memory_bytes', 'Memory it has now.', ({ memoryMiB }) => [[{}, memoryMiB * 2 ** 20]]),
    metric('gauge', 'resident_memory_bytes', 'Memory it occupies on the host.', ({ rssKiB }) => [
      [{}, rssKiB === undefined ? undefined : rssKiB * 1024],
    ]),
    metric(
      'counter',
      'disk_read_bytes_total',
      'Bytes read by the guest.',
      disks((disk) => disk.readBytes),
    ),
    metric(
      'counter',
      'disk_written_bytes_total',
      'Bytes written by the guest.',
      disks((disk) => disk.writeBytes),
    ),
    metric(
      'counter',
      'disk_reads_total',
      'Read requests of the guest.',
      disks((disk) => disk.readRequests),
    ),
    metric(
      'counter',
      'disk_writes_total',
      'Write requests of the guest.',
      disks((disk) => disk.writeRequests),
    ),
    metric(
      'counter',
      'network_receive_bytes_total',
      'Bytes to the guest.',
      nics((nic) => nic.receivedBytes),
    ),
    metric(
      'counter',
      'network_transmit_bytes_total',
      'Bytes from the guest.',
      nics((nic) => nic.sentBytes),
    ),
    metric(
      'counter',
      'network_receive_packets_total',
      'Packets to the guest.',
      nics((nic) => nic.receivedPackets),
    ),
    metric(
      'counter',
      'network_transmit_packets_total',
      'Packets from the guest.',
      nics((nic) => nic.sentPackets),
    ),
  ];
}
