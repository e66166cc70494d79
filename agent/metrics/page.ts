// The page that Prometheus fetches, put together: at most one call to the hypervisor, whatever the number of VServers.
import type { MachineSample } from '../../drivers/hypervisor.ts';
import type { NetworkCounters } from '../../metadata-server/mod.ts';
import { capacityReport } from '../capacity/report.ts';
import type { Host } from '../host.ts';
import { VERSION } from '../version.ts';
import { exposition, type Metric } from './exposition.ts';
import { agentMetrics, hostMetrics } from './host-metrics.ts';
import { vserverMetrics } from './vserver-metrics.ts';

/** What the agent knows and the host does not. */
export interface PageFacts {
  receivers: ReadonlyMap<string, number>;
  operationsRunning: number;
}

/** A hypervisor that cannot be asked leaves out its own part only. */
export async function metricsPage(host: Host, facts: PageFacts): Promise<string> {
  const { config, inventory, totals, hypervisor } = host;
  const connected = hypervisor.connected;
  const samples: MachineSample[] = connected ? await hypervisor.list().catch(() => []) : [];
  const vservers = inventory.list('vserver');
  const states = new Map<string, number>();
  for (const { state } of vservers) states.set(state, (states.get(state) ?? 0) + 1);
  return exposition([
    ...agentMetrics({ ...facts, version: VERSION, lastSequence: inventory.lastSequence, states }),
    ...hostMetrics(capacityReport(config, inventory, totals, connected)),
    ...vserverMetrics(samples, vservers),
    ...networkMetrics(host),
  ]);
}

/** How often guests asked for addresses and metadata, by VNet. */
function networkMetrics({ inventory, metadata }: Host): Metric[] {
  const counted = inventory.list('vnet').flatMap(({ id, name }) => {
    const counters = metadata.counters(id);
    return counters ? [{ labels: { vnet: id, name }, counters }] : [];
  });
  const metric = (name: string, help: string, of: (counters: NetworkCounters) => object): Metric => ({
    name,
    help,
    type: 'counter',
    values: counted.flatMap(({ labels, counters }) =>
      Object.entries(of(counters)).map(([event, count]) => [{ ...labels, event }, Number(count)] as const),
    ),
  });
  return [
    metric('innkeeper_dhcp4_messages_total', 'DHCPv4 messages by what became of them.', ({ dhcp4 }) => dhcp4),
    metric('innkeeper_dhcp6_messages_total', 'DHCPv6 messages by what became of them.', ({ dhcp6 }) => dhcp6),
    metric('innkeeper_metadata_requests_total', 'Metadata requests by what became of them.', ({ http }) => {
      // A number of now, not a count.
      const { connections: _now, ...counts } = http;
      return counts;
    }),
  ];
}
