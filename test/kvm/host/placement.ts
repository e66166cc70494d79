// Inside the KVM host: huge pages, a NUMA node and CPUs of its own, seen in the domain and in the kernel's books.
import assert from 'node:assert/strict';
import { call, callPatiently, innkeeper, machinePid, shell, step, type VServer } from './host.ts';

const PAGES = 64;
const NODE_PAGES = 96;

const free = async () =>
  Number(await shell('cat /sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages'));
const image = { imageId: 'guest', vnics: [] };

await step('an image is registered, and two VNets are made on VLANs of one trunk', async () => {
  await innkeeper(
    'image',
    'register',
    'guest',
    `file://${await shell('ls -t /opt/share/innkeeper/.cache/guest/guest-*.qcow2 | head -n 1')}`,
  );
  for (const [name, id] of [
    ['red', 101],
    ['blue', 102],
  ] as const) {
    const transport = { type: 'vlan', device: 'trunk0', id };
    await callPatiently('createVNet', { name, ipv4Subnet: '10.50.0.0/24', transport });
  }
});

await step(
  'a VServer that asks for huge pages, a node and a CPU gets them, on an LVM thin pool',
  async () => {
    const vnics = [{ vnetId: 'red' }, { vnetId: 'blue' }];
    await call('createVServer', { name: 'tuned', type: 'tuned', pool: 'thin', ...image, vnics });
    const shown = JSON.parse(await innkeeper('--json', 'vserver', 'show', 'tuned')) as VServer;
    assert.deepEqual(shown.placement, { numaNode: 1, hugepageKiB: 2048, cpus: [1] });
  },
);

await step('its domain says so', async () => {
  const { vserverId } = await call<VServer>('getVServerAttributes', { vserverId: 'tuned' });
  const xml = await shell(`virsh dumpxml ik-${vserverId}`);
  assert.match(xml, /<page size='2048' unit='KiB'\/>/);
  assert.match(xml, /<vcpupin vcpu='0' cpuset='1'\/>/);
  assert.match(xml, /<memory mode='strict' nodeset='1'\/>/);
});

await step(
  'the kernel says so: its memory is in huge pages of that node, its vCPU on that CPU alone',
  async () => {
    const { vserverId } = await call<VServer>('getVServerAttributes', { vserverId: 'tuned' });
    const pid = await machinePid(vserverId);
    const huge = await shell(`grep -w huge /proc/${pid}/numa_maps`);
    assert.match(huge, new RegExp(`\\bbind[^ ]*:1 .*\\bN1=${PAGES}\\b.*kernelpagesize_kB=2048`));
    assert.doesNotMatch(huge, /\bN0=/);
    assert.equal(await free(), NODE_PAGES - PAGES);
    const threads = await shell(`for task in /proc/${pid}/task/*; do
    echo "$(cat $task/comm): $(sed -n 's/^Cpus_allowed_list:\\s*//p' $task/status)"; done`);
    assert.match(threads, /^CPU 0\/KVM: 1$/m);
    assert.match(threads, /^qemu-system-x86: 1$/m, 'the node has no other CPU for the rest of it');
    console.log(`# ${threads.replaceAll('\n', '; ')}`);
  },
);

const refused = (message: RegExp) => (error: Error) => {
  assert.match(error.message, message);
  assert.equal((error as unknown as { code: string }).code, 'no-capacity');
  return true;
};
const boot = { boot: false, ...image };

await step('more than there is is refused, and says what is short', async () => {
  const asked = (type: string) => call('createVServer', { name: 'more', type, ...boot });
  await call('createVServer', { name: 'huge', type: 'huge', ...boot });
  await assert.rejects(
    asked('huge'),
    refused(/node 0: 64 huge pages of 2048 KiB are asked for, and 32 are free; node 1: 64 huge pages/),
  );
  await assert.rejects(asked('tuned'), refused(/node 1: 64 huge pages/));
  const capacity = JSON.parse(await innkeeper('--json', 'capacity')) as { fits: Record<string, number> };
  assert.equal(capacity.fits.huge, 0);
  assert.equal(capacity.fits.tuned, 0);
  assert.ok(capacity.fits.near! > 0);
});

await step('a VServer without such wishes keeps off the CPUs that are set aside', async () => {
  const { vserverId } = await call<VServer>('createVServer', { name: 'off', type: 'near', ...boot });
  assert.match(await shell(`virsh dumpxml ik-${vserverId}`), /<vcpu placement='static' cpuset='0'>1/);
  await call('powerOffVServer', { vserverId });
});
