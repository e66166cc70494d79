// NUMA nodes and huge pages, as libvirt's capabilities name them.
import t from 'tap';
import { readNodes } from '../../drivers/libvirt-hypervisor/topology.ts';

const capabilities = (cells: string) =>
  `<capabilities><host><topology><cells num='2'>${cells}</cells></topology></host></capabilities>`;

t.test('nodes come with their memory, CPUs and the huge pages that are reserved', async (t) => {
  const nodes = readNodes(
    capabilities(`
      <cell id='1'>
        <memory unit='KiB'>1000</memory>
        <pages unit='KiB' size='2048'>8</pages><pages unit='KiB' size='4'>7</pages>
        <pages unit='KiB' size='1048576'>1</pages>
        <cpus num='2'><cpu id='3' siblings='3'/><cpu id='1' siblings='1'/></cpus>
      </cell>
      <cell id='0'><memory unit='KiB'>2000</memory><pages unit='KiB' size='4'>7</pages></cell>`),
  );
  t.same(nodes, [
    { id: 0, memoryBytes: 2_048_000, cpus: [], hugepages: [] },
    {
      id: 1,
      memoryBytes: 1_024_000,
      cpus: [1, 3],
      hugepages: [
        { sizeKiB: 2048, total: 8, free: 0 },
        { sizeKiB: 1_048_576, total: 1, free: 0 },
      ],
    },
  ]);
});

t.test('a document without a topology has no nodes', async (t) => {
  t.same(readNodes('<capabilities><host><cpu/></host></capabilities>'), []);
  t.same(readNodes(capabilities('')), []);
});
