// What a host promises: memory, vCPUs, and the huge pages, NUMA nodes and CPUs that a VServerType asks for.
import t from 'tap';
import { admit, promisable, reserved } from '../../agent/capacity/admission.ts';
import { formatCpus, parseCpus } from '../../agent/capacity/cpu-list.ts';
import { needsOf } from '../../agent/capacity/needs.ts';
import { nodeRooms, placementsLeft } from '../../agent/capacity/placement.ts';
import { capacityReport } from '../../agent/capacity/report.ts';
import { HostTotals } from '../../agent/capacity/totals.ts';
import { checkConfig } from '../../agent/config/config.ts';
import type { Reader } from '../../agent/guest/facts.ts';
import type { VServer } from '../../agent/resources/vserver.ts';
import type { HostFacts } from '../../drivers/hypervisor.ts';

const CONFIG = checkConfig({
  capacity: { cpu_overcommit: 2, host_memory_mib: 1024, dedicated_cpus: '2-3,6-7' },
  vserver_type: [
    { name: 'plain', vcpus: 2, memory_mib: 1024 },
    { name: 'huge', vcpus: 1, memory_mib: 1024, hugepages: '2M' },
    { name: 'near', vcpus: 1, memory_mib: 1024, numa_node: 'any' },
    { name: 'second', vcpus: 1, memory_mib: 1024, numa_node: 1 },
    { name: 'pinned', vcpus: 2, memory_mib: 512, cpu_pinning: true },
    { name: 'all', vcpus: 2, memory_mib: 1024, hugepages: '2M', numa_node: 1, cpu_pinning: true },
  ],
});

/** Two nodes of four CPUs and 8 GiB; the second has 2 GiB in huge pages, and one page of them is others'. */
function host(): HostTotals {
  const totals = new HostTotals();
  totals.facts = { cpus: 8, memoryMiB: 16_384, hypervisor: 'kvm', hostname: 'h' } as HostFacts;
  const node = { memoryBytes: 8 * 2 ** 30 };
  totals.topology = {
    nodes: [
      { ...node, id: 0, cpus: [0, 1, 2, 3], hugepages: [{ sizeKiB: 2048, total: 0, free: 0 }] },
      { ...node, id: 1, cpus: [4, 5, 6, 7], hugepages: [{ sizeKiB: 2048, total: 1025, free: 1024 }] },
    ],
  };
  totals.foreignHugepages.set('1/2048', 1);
  return totals;
}

/** VServers one after another, each where admission puts it. */
class Inventory {
  readonly vservers: VServer[] = [];
  readonly totals: HostTotals;
  constructor(totals = host()) {
    this.totals = totals;
  }

  readonly reader = {
    list: (kind: string) => (kind === 'vserver' ? this.vservers : []),
  } as unknown as Reader;

  add(typeName: string): VServer {
    const type = CONFIG.vserver_type.find(({ name }) => name === typeName)!;
    const needs = needsOf(type);
    const asked = { vcpus: type.vcpus, memoryMiB: type.memory_mib, needs };
    const placement = admit(this.reader, CONFIG.capacity, this.totals, asked);
    const id = `vs-${this.vservers.length}`;
    const vserver = { id, power: 'on', ...asked, ...(placement ? { placement } : {}) } as VServer;
    this.vservers.push(vserver);
    return vserver;
  }

  rooms() {
    return nodeRooms(this.reader, CONFIG.capacity, this.totals);
  }
}

t.test('what is set aside is not promised to everybody', async (t) => {
  t.same(promisable(CONFIG.capacity, host()), {
    vcpus: (8 - 4) * 2,
    memoryMiB: 16_384 - 1025 * 2 - 1024,
  });
});

t.test('huge pages are promised on the node that has them, and no more than there are', async (t) => {
  const inventory = new Inventory();
  t.same(inventory.add('huge').placement, { numaNode: 1, hugepageKiB: 2048 });
  t.same(inventory.add('huge').placement, { numaNode: 1, hugepageKiB: 2048 });
  t.throws(() => inventory.add('huge'), {
    code: 'no-capacity',
    message:
      'No NUMA node has room for it: node 0: 512 huge pages of 2048 KiB are asked for, and 0 are free; ' +
      'node 1: 512 huge pages of 2048 KiB are asked for, and 0 are free.',
  });
  t.same(reserved(inventory.reader), { vcpus: 2, memoryMiB: 0 }, 'they are no ordinary memory');
  t.match(inventory.rooms()[1]!.hugepages, [{ total: 1025, reserved: 1024, free: 0 }]);
});

t.test('a node without room is passed over, and one that is named is not left', async (t) => {
  const inventory = new Inventory();
  t.equal(inventory.add('near').placement?.numaNode, 0, 'the one with more memory');
  for (let count = 0; count < 5; count++) inventory.add('second');
  t.throws(() => inventory.add('second'), {
    code: 'no-capacity',
    message: /node 1: 1024 MiB of memory are asked for, and \d+ are free\./,
  });
  t.equal(inventory.add('near').placement?.numaNode, 0);
  const unknown = { vcpus: 1, memoryMiB: 1, needs: { numaNode: 7 } };
  t.throws(() => admit(inventory.reader, CONFIG.capacity, inventory.totals, unknown), {
    code: 'no-capacity',
    message: 'NUMA node 7 is asked for; this host has 0, 1.',
  });
});

t.test('a CPU of its own is nobody else’s', async (t) => {
  const inventory = new Inventory();
  const cpus = [inventory.add('pinned'), inventory.add('pinned')].flatMap((one) => one.placement!.cpus!);
  t.same(cpus.toSorted(), [2, 3, 6, 7]);
  t.throws(() => inventory.add('pinned'), {
    code: 'no-capacity',
    message: /2 CPUs of its own .* 0 are free/,
  });
  t.equal(reserved(inventory.reader).vcpus, 0, 'they are none of the shared ones');
  inventory.vservers[0]!.power = 'off';
  t.same(inventory.add('pinned').placement?.cpus, inventory.vservers[0]!.placement!.cpus, 'free again');
});

t.test('a node whose CPUs are all set aside is for pinned VServers only', async (t) => {
  const { reader, totals } = new Inventory();
  const limits = { ...CONFIG.capacity, dedicated_cpus: '4-7' };
  const asked = { vcpus: 1, memoryMiB: 64, needs: { hugepageKiB: 2048, numaNode: 1 } };
  t.throws(() => admit(reader, limits, totals, asked), { message: /node 1: none of its CPUs is shared/ });
  const pinned = { ...asked, needs: { ...asked.needs, pinned: true as const } };
  t.same(admit(reader, limits, totals, pinned), { numaNode: 1, hugepageKiB: 2048, cpus: [4] });
});

t.test('without CPUs set aside the refusal says where they are named', async (t) => {
  const { reader, totals } = new Inventory();
  const limits = { ...CONFIG.capacity };
  delete limits.dedicated_cpus;
  const asked = { vcpus: 1, memoryMiB: 64, needs: { pinned: true as const } };
  t.throws(() => admit(reader, limits, totals, asked), { message: /capacity\.dedicated_cpus names none/ });
});

t.test('a powered-off VServer holds nothing at all', async (t) => {
  const inventory = new Inventory();
  const before = inventory.rooms();
  inventory.add('all').power = 'off';
  t.same(inventory.rooms(), before);
  t.same(reserved(inventory.reader), { vcpus: 0, memoryMiB: 0 });
});

t.test('what was saved comes back to its place or not at all', async (t) => {
  const inventory = new Inventory();
  const saved = inventory.add('pinned');
  saved.power = 'off';
  const again = () =>
    admit(inventory.reader, CONFIG.capacity, inventory.totals, saved, { fixed: saved.placement });
  t.same(again(), saved.placement);
  inventory.add('pinned');
  inventory.add('pinned');
  t.throws(again, { code: 'no-capacity', message: /not all of its CPUs/ });
});

t.test('another type instead of its own: its present share counts as free', async (t) => {
  const inventory = new Inventory();
  const { id } = inventory.add('huge');
  inventory.add('huge');
  const asked = { vcpus: 1, memoryMiB: 1024, needs: { hugepageKiB: 2048 } };
  const { reader, totals } = inventory;
  t.same(admit(reader, CONFIG.capacity, totals, asked, { except: id }), { numaNode: 1, hugepageKiB: 2048 });
  t.throws(() => admit(reader, CONFIG.capacity, totals, asked), { code: 'no-capacity' });
});

t.test('the report counts what admission would let in', async (t) => {
  const inventory = new Inventory();
  for (const { name } of CONFIG.vserver_type) {
    const alone = new Inventory(inventory.totals);
    const promised = capacityReport(CONFIG, alone.reader, alone.totals, true).fits[name];
    let count = 0;
    for (; ; count++) {
      try {
        alone.add(name);
      } catch {
        break;
      }
    }
    t.equal(count, promised, name);
    t.ok(count > 0);
  }
  t.equal(placementsLeft(inventory.rooms(), { numaNode: 5 }, { vcpus: 1, memoryMiB: 1 }), 0);
});

t.test('lists of CPUs are read and written as the kernel does', async (t) => {
  t.same(parseCpus('8,0-2'), [0, 1, 2, 8]);
  t.equal(formatCpus([8, 2, 0, 1]), '0-2,8');
  for (const bad of ['', '3-1', 'a', '1-', '99999999']) t.throws(() => parseCpus(bad), RangeError);
});

t.test('a configuration that cannot work is refused', async (t) => {
  t.throws(() => checkConfig({ capacity: { dedicated_cpus: '3-1' } }), { code: 'invalid' });
  const type = { name: 'x', vcpus: 1, memory_mib: 1025, hugepages: '2M' };
  t.throws(() => checkConfig({ vserver_type: [type] }), { code: 'invalid', message: /no multiple/ });
  t.throws(() => checkConfig({ vserver_type: [{ ...type, hugepages: '2X' }] }), { code: 'invalid' });
});
