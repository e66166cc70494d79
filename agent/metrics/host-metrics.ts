// What Prometheus is told of the host, its pools, its events and the agent itself. Memory only, nothing is asked.
import type { CapacityReport } from '../capacity/report-schema.ts';
import type { Labels, Metric } from './exposition.ts';

type Report = CapacityReport;

/** Facts about the agent's own process and its events. */
export interface AgentFacts {
  version: string;
  lastSequence: number;
  /** Last event acknowledged, by receiver. */
  receivers: ReadonlyMap<string, number>;
  operationsRunning: number;
  /** Number of VServers in each state. */
  states: ReadonlyMap<string, number>;
}

const MIB = 2 ** 20;
const none: Labels = {};

function gauge(name: string, help: string, value: number): Metric {
  return { name, help, type: 'gauge', values: [[none, value]] };
}

export function hostMetrics(report: Report): Metric[] {
  const { vcpus, memory, vservers } = report;
  const perPool = (name: string, help: string, of: (pool: Report['pools'][number]) => number): Metric => ({
    name,
    help,
    type: 'gauge',
    values: report.pools.map((pool) => [{ pool: pool.name }, of(pool)]),
  });
  return [
    gauge('innkeeper_hypervisor_connected', 'Whether the hypervisor can be asked.', Number(report.connected)),
    gauge('innkeeper_host_cpus', 'Processors of the host.', vcpus.total),
    gauge('innkeeper_vcpus_promisable', 'vCPUs that can be promised in all.', vcpus.promisable),
    gauge('innkeeper_vcpus_reserved', 'vCPUs held by VServers with power on.', vcpus.reserved),
    gauge('innkeeper_host_cpus_used', 'Processors that were busy lately.', vcpus.used),
    gauge('innkeeper_host_memory_bytes', 'Memory of the host.', memory.total * MIB),
    gauge(
      'innkeeper_host_memory_free_bytes',
      'Memory of the host that nobody uses.',
      memory.hostFreeMiB * MIB,
    ),
    gauge(
      'innkeeper_memory_promisable_bytes',
      'Memory that can be promised in all.',
      memory.promisable * MIB,
    ),
    gauge('innkeeper_memory_reserved_bytes', 'Memory held by VServers with power on.', memory.reserved * MIB),
    gauge('innkeeper_host_load1', 'Load average of the host over one minute.', report.load),
    gauge('innkeeper_foreign_domains', 'Running domains that are not of this agent.', vservers.foreign),
    perPool('innkeeper_pool_available', 'Whether the storage pool answers.', (pool) =>
      Number(!pool.unavailable),
    ),
    perPool('innkeeper_pool_size_bytes', 'Size of the storage pool.', (pool) => pool.totalBytes),
    perPool('innkeeper_pool_free_bytes', 'Room in the storage pool.', (pool) => pool.freeBytes),
    perPool('innkeeper_pool_promised_bytes', 'Sizes of all its VDisks.', (pool) => pool.promisedBytes),
    {
      name: 'innkeeper_hugepages',
      help: 'Huge pages that the host has reserved.',
      type: 'gauge',
      values: perPage(report, ({ total }) => total),
    },
    {
      name: 'innkeeper_hugepages_free',
      help: 'Huge pages that nobody uses.',
      type: 'gauge',
      values: perPage(report, ({ free }) => free),
    },
    {
      name: 'innkeeper_network_addresses_free',
      help: 'IPv4 addresses that VNICs can still have.',
      type: 'gauge',
      values: report.networks.map(({ vnetId, name, freeAddresses }) => [
        { vnet: vnetId, name },
        freeAddresses,
      ]),
    },
    {
      name: 'innkeeper_vserver_fits',
      help: 'How many more VServers of each type fit.',
      type: 'gauge',
      values: Object.entries(report.fits).map(([type, count]) => [{ vserver_type: type }, count]),
    },
  ];
}

function perPage(report: Report, of: (pages: Report['hugepages'][number]) => number): Metric['values'] {
  return report.nodes.flatMap(({ id, hugepages }) =>
    hugepages.map((pages) => [{ node: String(id), size_kib: String(pages.sizeKiB) }, of(pages)] as const),
  );
}

export function agentMetrics(facts: AgentFacts): Metric[] {
  const { user, system } = process.cpuUsage();
  return [
    {
      name: 'innkeeper_build_info',
      help: 'Version of the agent.',
      type: 'gauge',
      values: [[{ version: facts.version }, 1]],
    },
    {
      name: 'innkeeper_vservers',
      help: 'VServers by state.',
      type: 'gauge',
      values: [...facts.states].map(([state, count]) => [{ state }, count]),
    },
    {
      name: 'innkeeper_events_total',
      help: 'Events since the agent was installed.',
      type: 'counter',
      values: [[none, facts.lastSequence]],
    },
    {
      name: 'innkeeper_events_unacknowledged',
      help: 'Events that a control plane has not acknowledged.',
      type: 'gauge',
      values: [...facts.receivers].map(([receiver, seq]) => [{ receiver }, facts.lastSequence - seq]),
    },
    gauge('innkeeper_operations_running', 'Operations under way.', facts.operationsRunning),
    gauge('process_start_time_seconds', 'When the agent started.', Date.now() / 1000 - process.uptime()),
    gauge('process_resident_memory_bytes', 'Memory of the agent.', process.memoryUsage.rss()),
    {
      name: 'process_cpu_seconds_total',
      help: 'Processor time of the agent.',
      type: 'counter',
      values: [[none, (user + system) / 1e6]],
    },
  ];
}
