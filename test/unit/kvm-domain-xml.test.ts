// The domain XML of a machine: valid for every kind of machine, stable, and deaf to injection.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { DriverError, type Machine } from '../../drivers/hypervisor.ts';
import { cdromXml, diskXml, nicXml } from '../../drivers/kvm/device-xml.ts';
import { domainXml } from '../../drivers/kvm/domain-xml.ts';
import { readDomain } from '../../drivers/libvirt-hypervisor/read-xml.ts';
import { escapeXml, renderXml } from '../../drivers/libvirt-hypervisor/xml.ts';

const run = promisify(execFile);

const SMALL: Machine = {
  name: 'web-1',
  uuid: '6f1a2b3c-0000-4000-8000-0123456789ab',
  vserverId: 'vs-1',
  vcpus: 1,
  memoryMiB: 64,
  disks: [],
  nics: [],
  media: [],
};

const FULL: Machine = {
  ...SMALL,
  vcpus: 2,
  maxVcpus: 8,
  cpuShares: 512,
  cpuCapPercent: 150,
  cpuset: '0-3,^2',
  numaNode: 0,
  hugepageKiB: 2048,
  vcpuPins: [4, 6],
  disks: [
    { position: 1, path: '/dev/pool/data', format: 'raw', serial: 'vd-2', readOnly: true },
    {
      position: 0,
      path: '/pool/root.qcow2',
      format: 'qcow2',
      backing: { path: '/pool/root.base', format: 'raw' },
      serial: 'vd-1',
      limits: { readIops: 100 },
    },
  ],
  nics: [
    { position: 0, mac: '52:54:00:AA:00:01', device: 'ik0a', bridge: 'br0', mtu: 1450 },
    {
      position: 1,
      mac: '52:54:00:aa:00:02',
      device: 'ik0b',
      bridge: 'br1',
      inboundBytesPerSecond: 1_000_000,
      outboundBytesPerSecond: 1,
    },
  ],
  media: [
    { path: '/ctx/a.iso', bus: 'cdrom' },
    { path: '/ctx/b.iso', bus: 'disk' },
    { path: '/ctx/c.iso', bus: 'cdrom' },
  ],
  smbios: { manufacturer: 'Us', product: 'OpenStack Nova', version: '1', serial: 'ec2-x', assetTag: 'tag' },
  qmpSocket: '/run/x/qmp.sock',
  lineSocket: '/run/x/line',
  vncSocket: '/run/x/vnc.sock',
  kernel: { path: '/boot/vmlinuz', initrd: '/boot/initrd', commandLine: 'console=ttyS0 a="b"' },
};

const MATRIX: Record<string, Machine> = {
  smallest: SMALL,
  everything: FULL,
  'no graphics': { ...FULL, vncSocket: undefined } as unknown as Machine,
  'as many devices as there is room for': {
    ...SMALL,
    disks: [...Array(16).keys()].map((position) => ({
      position,
      path: `/pool/${position}`,
      format: 'raw' as const,
      serial: `d${position}`,
    })),
    nics: [...Array(8).keys()].map((position) => ({
      position,
      mac: `52:54:00:00:00:0${position}`,
      device: `tap${position}`,
      bridge: 'br0',
    })),
    media: (['cdrom', 'cdrom', 'cdrom', 'cdrom', 'disk', 'disk'] as const).map((bus, index) => ({
      path: `/ctx/${index}`,
      bus,
    })),
  },
  'names a guest chose': {
    ...SMALL,
    name: `<a&"b'>`,
    vserverId: '"/><evil xmlns="x"/>',
    smbios: { product: '</entry><entry name="uuid">' },
    qmpSocket: '/run/a,b"<&/qmp',
    disks: [{ position: 0, path: `/pool/'"><source file="/etc/shadow"/>`, format: 'raw', serial: 'x' }],
  },
};

t.test("libvirt's schema accepts every machine of the matrix", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ikt-kvm-xml-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  for (const [what, machine] of Object.entries(MATRIX)) {
    for (const type of ['kvm', 'qemu'] as const) {
      const file = join(folder, 'domain.xml');
      await writeFile(file, domainXml(machine, { type }));
      await t.resolves(run('virt-xml-validate', [file, 'domain']), `${what}, ${type}`);
    }
  }
});

t.test('an overlay names its base, which stays as it is; any other disk ends its chain', async (t) => {
  const overlay = renderXml(diskXml(FULL.disks[1]!));
  const base =
    /<backingStore type="file">.*<format type="raw"\/>.*base">\s*<seclabel model="dac" relabel="no"\/>/s;
  t.match(overlay, base);
  t.match(renderXml(diskXml(FULL.disks[0]!)), /<backingStore\/>/, 'libvirt reads no chain from its header');
});

t.test('no value becomes markup', async (t) => {
  const text = domainXml(MATRIX['names a guest chose']!, { type: 'qemu' });
  t.notMatch(text, '<evil');
  const view = readDomain(text);
  t.equal(view.disks.length, 1);
  t.equal(view.disks[0]?.source, `/pool/'"><source file="/etc/shadow"/>`, 'and comes back as it was');
  t.match(text, 'unix:/run/a,,b&quot;&lt;&amp;/qmp,server=on', "a comma does not end QEMU's option");
});

t.test('line ends in an attribute survive a parser', async (t) => {
  t.equal(escapeXml('a\n\tb\r'), 'a&#10;&#9;b&#13;');
});

t.test('characters XML cannot carry are refused', async (t) => {
  for (const bad of ['a\0b', '\x1b[31m', '\ufffe', '\ud800']) {
    t.throws(() => domainXml({ ...SMALL, vserverId: bad }, { type: 'kvm' }), { code: 'invalid' });
  }
});

t.test('values out of bounds are refused before libvirt sees them', async (t) => {
  const disk = { position: 0, path: '/a', format: 'raw' as const, serial: 's' };
  const nic = { position: 0, mac: '52:54:00:00:00:01', device: 'tap0', bridge: 'br0' };
  const wrong: Partial<Machine>[] = [
    { name: '' },
    { name: 'a/b' },
    { name: 'a\nb' },
    { uuid: 'x' },
    { vcpus: 0 },
    { vcpus: 1.5 },
    { vcpus: 4, maxVcpus: 2 },
    { memoryMiB: Number.NaN },
    { cpuset: '0;rm' },
    { vcpuPins: [] },
    { vcpuPins: [1, 2] },
    { vcpuPins: [-1] },
    { hugepageKiB: 1_048_576 },
    { disks: [{ ...disk, serial: 'x'.repeat(21) }] },
    { disks: [{ ...disk, path: 'relative' }] },
    { disks: [{ ...disk, format: 'vmdk' as 'raw' }] },
    { disks: [disk, disk] },
    { disks: [{ ...disk, limits: { readIops: -1 } }] },
    { nics: [{ ...nic, mac: '53:54:00:00:00:01' }] },
    { nics: [{ ...nic, device: 'vnet0' }] },
    { nics: [{ ...nic, device: 'sixteen-characte' }] },
    { nics: [nic, { ...nic, position: 1 }] },
    { media: [{ path: 'relative.iso', bus: 'cdrom' }] },
  ];
  for (const part of wrong) {
    t.throws(
      () => domainXml({ ...SMALL, ...part }, { type: 'kvm' }),
      { code: 'invalid' },
      JSON.stringify(part),
    );
  }
});

t.test('a device too many is unsupported, not misplaced', async (t) => {
  const error = (act: () => unknown): unknown => {
    try {
      return act();
    } catch (thrown) {
      return thrown;
    }
  };
  const disk = diskXml.bind(undefined, { position: 16, path: '/a', format: 'raw', serial: 's' });
  const nic = nicXml.bind(undefined, { position: 8, mac: '52:54:00:00:00:01', device: 'a', bridge: 'b' });
  for (const act of [disk, nic, () => cdromXml(4, undefined)]) {
    const thrown = error(act);
    t.type(thrown, DriverError);
    t.equal((thrown as DriverError).code, 'unsupported');
  }
});

t.test('no two devices share a slot', async (t) => {
  const text = domainXml(MATRIX['as many devices as there is room for']!, { type: 'kvm' });
  const slots = [...text.matchAll(/ slot="(0x..)"/g)].map(([, slot]) => slot);
  t.equal(slots.length, 16 + 8 + 2 + 3);
  t.equal(new Set(slots).size, slots.length);
});

t.test('the same position has the same slot whatever else there is', async (t) => {
  const alone = renderXml(diskXml(FULL.disks[0]!));
  const strip = (text: string): string => text.replace(/^\s+/gm, '');
  t.ok(strip(domainXml(FULL, { type: 'kvm' })).includes(strip(alone)));
});

t.test('graphics only when asked', async (t) => {
  t.notMatch(domainXml(SMALL, { type: 'kvm' }), /<(graphics|video)/);
  t.match(domainXml(FULL, { type: 'kvm' }), '<listen type="socket" socket="/run/x/vnc.sock"/>');
});

t.test('a machine keeps its board when it is defined again', async (t) => {
  const text = domainXml(SMALL, { type: 'kvm', machineType: 'pc-i440fx-6.2' });
  t.equal(readDomain(text).machineType, 'pc-i440fx-6.2');
});

t.test('memory and vCPUs are where they were put', async (t) => {
  const text = domainXml(FULL, { type: 'kvm' });
  t.match(text, /<memoryBacking>\s*<hugepages>\s*<page size="2048" unit="KiB"\/>/);
  t.match(text, /<vcpupin vcpu="0" cpuset="4"\/>\s*<vcpupin vcpu="1" cpuset="6"\/>/);
  t.match(text, /<numatune>\s*<memory mode="strict" nodeset="0"\/>/);
  t.match(text, '<vcpu placement="static" cpuset="0-3,^2"', 'the rest of the process stays off their CPUs');
  t.notMatch(domainXml(SMALL, { type: 'kvm' }), /memoryBacking|vcpupin|numatune|cpuset/);
});
