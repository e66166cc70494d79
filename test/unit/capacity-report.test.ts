// The capacity report: what there is, overcommitted, reserved, used and free, and what of each type still fits.
import t from 'tap';
import { capacityReport } from '../../agent/capacity/report.ts';
import { HostTotals } from '../../agent/capacity/totals.ts';
import { checkConfig } from '../../agent/config/config.ts';

const GIB = 2 ** 30;
const config = checkConfig({
  capacity: { cpu_overcommit: 2, memory_overcommit: 1, host_memory_mib: 1024, host_disk_percent: 0 },
  vserver_type: [
    { name: 'small', vcpus: 1, memory_mib: 1024 },
    { name: 'wide', vcpus: 4, memory_mib: 64 },
    { name: 'stored', vcpus: 1, memory_mib: 64, disk_gb: 6 },
  ],
});

function totals(): HostTotals {
  const all = new HostTotals();
  all.facts = {
    hypervisor: 'kvm',
    hypervisorVersion: '7.2.0',
    libvirtVersion: '9.0.0',
    hostname: 'host-1',
    architecture: 'x86_64',
    cpuModel: 'Skylake-Server',
    cpuVendor: 'Intel',
    cpuFeatures: ['avx512-vnni', 'hypervisor'],
    cpuMhz: 2400,
    cpus: 8,
    numaNodes: 2,
    memoryMiB: 9216,
  };
  const node = (id: number, free: number) => ({
    id,
    cpus: [0, 1, 2, 3].map((cpu) => cpu + 4 * id),
    memoryBytes: 4608 * 2 ** 20,
    hugepages: [
      { sizeKiB: 2048, total: 100, free },
      { sizeKiB: 1048576, total: id, free: id },
    ],
  });
  all.topology = { nodes: [node(0, 100), node(1, 40)] };
  all.freeMemoryMiB = 4000;
  all.processorShare = 0.25;
  all.foreign = { domains: 1, vcpus: 1, memoryMiB: 1024 };
  all.pools.set('fast', { totalBytes: 20 * GIB, freeBytes: 13 * GIB });
  all.pools.set('slow', { totalBytes: 20 * GIB, freeBytes: 0, unavailable: 'it does not answer' });
  return all;
}

const vserver = (power: string) => ({
  power,
  state: power === 'on' ? 'running' : 'inactive',
  vcpus: 2,
  memoryMiB: 2048,
});
const TABLES: Record<string, object[]> = {
  vserver: [vserver('on'), vserver('off')],
  vdisk: [{ pool: 'fast', sizeBytes: 5 * GIB }],
  vnet: [{ id: 'vn-1', name: 'lan', ipv4: { network: '10.0.0.0', prefixLength: 29, gateway: '10.0.0.1' } }],
  vnic: [{ vnetId: 'vn-1', ipv4: '10.0.0.2' }, { vnetId: 'vn-1' }],
  image: [],
};
const reader = { list: (kind: string) => TABLES[kind], get: () => undefined } as never;

t.test('processors and memory: total, overcommitted, reserved, used, free', async (t) => {
  const report = capacityReport(config, reader, totals(), true);
  t.same(report.vcpus, { total: 8, overcommit: 2, promisable: 15, reserved: 2, used: 2, free: 13 });
  t.same(report.memory, {
    total: 9216,
    overcommit: 1,
    // Without the huge pages, 1424 MiB of it.
    promisable: 5744,
    reserved: 2048,
    used: 5216,
    free: 3696,
    hostFreeMiB: 4000,
  });
  t.same(report.vservers, { total: 2, running: 1, foreign: 1 });
});

t.test('huge pages by NUMA node, and together', async (t) => {
  const { nodes, hugepages } = capacityReport(config, reader, totals(), true);
  t.match(nodes[1], {
    id: 1,
    cpus: [4, 5, 6, 7],
    memoryMiB: 4608,
    hugepages: [{ sizeKiB: 2048, total: 100, used: 60, free: 40 }, { sizeKiB: 1048576 }],
  });
  t.same(hugepages, [
    { sizeKiB: 2048, total: 200, reserved: 0, used: 60, free: 140 },
    { sizeKiB: 1048576, total: 1, reserved: 0, used: 0, free: 1 },
  ]);
});

t.test('pools, networks and their addresses', async (t) => {
  const { pools, networks } = capacityReport(config, reader, totals(), true);
  t.match(pools, [
    { name: 'fast', usedBytes: 7 * GIB, promisedBytes: 5 * GIB, freeToPromiseBytes: 13 * GIB },
    { name: 'slow', freeToPromiseBytes: 0, unavailable: 'it does not answer' },
  ]);
  // Of eight addresses three are nobody's: network, broadcast and gateway.
  t.same(networks, [{ vnetId: 'vn-1', name: 'lan', totalAddresses: 5, usedAddresses: 1, freeAddresses: 4 }]);
});

t.test('what fits is what is scarcest: memory, vCPUs, or room for the system disk', async (t) => {
  t.same(capacityReport(config, reader, totals(), true).fits, { small: 3, wide: 3, stored: 2 });
});

t.test('processor and health are told, in words of OpenNebula, too', async (t) => {
  const report = capacityReport(config, reader, totals(), false);
  t.match(report.cpu, { model: 'Skylake-Server', vendor: 'Intel', features: ['avx512-vnni', 'hypervisor'] });
  t.match(report.health, { status: 'degraded', warnings: [/not connected/, /slow is not available/] });
  t.same(report.opennebula, {
    HOSTNAME: 'host-1',
    HYPERVISOR: 'kvm',
    ARCH: 'x86_64',
    MODELNAME: 'Skylake-Server',
    CPUSPEED: 2400,
    TOTALCPU: 800,
    FREECPU: 600,
    USEDCPU: 200,
    TOTALMEMORY: 9216 * 1024,
    FREEMEMORY: 4000 * 1024,
    USEDMEMORY: 5216 * 1024,
  });
});

t.test('before the hypervisor has been reached nothing is promised', async (t) => {
  const report = capacityReport(config, reader, new HostTotals(), false);
  t.match(report, { hypervisor: 'unknown', vcpus: { free: 0 }, fits: { small: 0 }, nodes: [] });
  t.notOk('cpu' in report);
});
