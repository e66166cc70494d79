// Domains for Xen: valid by libvirt's own schema, and nothing promised that Xen does not keep.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import type { GuestType, Machine } from '../../drivers/hypervisor.ts';
import { domainXml as kvmDomainXml } from '../../drivers/kvm/domain-xml.ts';
import { readDomain } from '../../drivers/libvirt-hypervisor/read-xml.ts';
import { domainXml } from '../../drivers/xen/domain-xml.ts';
import { schedulerParams } from '../../drivers/xen/scheduling.ts';

const run = promisify(execFile);
const xenXml = (machine: Machine, type: GuestType, credit = false) => domainXml(machine, { type, credit });
const TYPES: GuestType[] = ['pv', 'pvh', 'hvm'];

const SMALL: Machine = {
  name: 'ik-1',
  uuid: '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  vserverId: 'vs-1',
  vcpus: 1,
  memoryMiB: 256,
  disks: [{ position: 0, path: '/pool/system.qcow2', format: 'qcow2', serial: 'd0' }],
  nics: [{ position: 0, mac: '52:54:00:00:00:0A', device: 'ikt0', bridge: 'ikb0', mtu: 1450 }],
  media: [],
};

const FULL: Machine = {
  ...SMALL,
  vcpus: 2,
  maxVcpus: 4,
  cpuset: '0-1,^1',
  disks: [...Array(16).keys()].map((position) => ({
    position,
    path: position === 1 ? '/dev/vg/data' : `/pool/<&"'${position}`,
    format: 'raw' as const,
    serial: `d${position}`,
    readOnly: position === 2,
  })),
  nics: [...Array(8).keys()].map((position) => ({
    position,
    mac: `52:54:00:00:00:0${position}`,
    device: `ikt${position}`,
    bridge: 'ikb0',
  })),
  media: (['disk', 'cdrom', 'disk', 'disk'] as const).map((bus, index) => ({ path: `/ctx/${index}`, bus })),
  smbios: { product: 'Innkeeper' },
  qmpSocket: '/run/qmp',
};

const MATRIX: Record<string, Machine> = {
  smallest: SMALL,
  'as many devices as there is room for': FULL,
  'share and cap': { ...SMALL, cpuShares: 512, cpuCapPercent: 50 },
  'a kernel of its own': {
    ...SMALL,
    kernel: { path: '/boot/vmlinuz', initrd: '/boot/initrd', commandLine: 'a="<b>"' },
  },
};

t.test("libvirt's schema accepts every machine, of every guest type", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ikt-xen-xml-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  for (const [what, machine] of Object.entries(MATRIX)) {
    for (const type of TYPES) {
      const file = join(folder, 'domain.xml');
      await writeFile(file, xenXml(machine, type, true));
      await t.resolves(run('virt-xml-validate', [file, 'domain']), `${what}, ${type}`);
    }
  }
});

t.test('a VDisk is named by its position, a medium from the end, whatever the guest type', async (t) => {
  for (const type of TYPES) {
    const { disks } = readDomain(xenXml(FULL, type));
    const targets = disks.map(({ target }) => target);
    t.equal(
      targets.slice(0, 16).join(' '),
      [...'abcdefghijklmnop'].map((letter) => `xvd${letter}`).join(' '),
    );
    t.same(targets.slice(16), ['xvdz', 'xvdy', 'xvdx', 'xvdw'], 'and nothing is emulated on IDE');
  }
});

t.test('a vif has the name the rules know, and no emulated card stands beside it', async (t) => {
  for (const type of TYPES) {
    const text = xenXml(SMALL, type);
    t.match(readDomain(text).nics, [{ device: 'ikt0', bridge: 'ikb0', mac: '52:54:00:00:00:0a' }]);
    t.match(text, '<model type="netfront"/>');
  }
});

t.test('the format of a disk is always said, never probed', async (t) => {
  const text = xenXml({ ...SMALL, disks: [SMALL.disks[0]!, FULL.disks[1]!] }, 'pv');
  t.match(text, '<driver name="qemu" type="qcow2"/>');
  t.match(text, '<driver name="phy" type="raw"/>', "a block device is served by dom0's kernel");
});

t.test(
  "what is read-only is served by dom0's kernel: QEMU refuses it, and libxl does not tell",
  async (t) => {
    const medium = { path: '/ctx', bus: 'cdrom' as const };
    const text = xenXml({ ...SMALL, disks: [FULL.disks[2]!], media: [medium] }, 'pv');
    t.equal(text.match(/<readonly\/>/g)?.length, 2);
    t.equal(text.match(/<driver name="phy" type="raw"\/>/g)?.length, 2);
  },
);

t.test('a paravirtual guest boots its own kernel, or the one on its disk', async (t) => {
  t.match(xenXml(SMALL, 'pv'), '<bootloader>pygrub</bootloader>');
  t.notMatch(xenXml(MATRIX['a kernel of its own']!, 'pv'), 'bootloader');
  t.notMatch(xenXml(SMALL, 'hvm'), 'bootloader', 'firmware needs none');
  t.match(xenXml({ ...SMALL, guestType: 'pvh' }, 'hvm'), 'xenpvh', 'what the machine says counts');
});

t.test('what Xen would silently leave out is refused', async (t) => {
  const [disk] = SMALL.disks;
  const [nic] = SMALL.nics;
  const asked: Partial<Machine>[] = [
    { cpuShares: 512 },
    { cpuCapPercent: 50 },
    { hugepageKiB: 2048 },
    { vcpuPins: [0] },
    { numaNode: 0 },
    { vncSocket: '/run/vnc' },
    { lineSocket: '/run/line' },
    { disks: [{ ...disk!, limits: { readIops: 100 } }] },
    { disks: [{ ...disk!, position: 16 }] },
    { disks: [{ ...disk!, readOnly: true }] },
    { nics: [{ ...nic!, outboundBytesPerSecond: 1000 }] },
    { nics: [{ ...nic!, position: 8 }] },
    { media: [...Array(5)].map(() => ({ path: '/a', bus: 'disk' as const })) },
  ];
  for (const part of asked) {
    t.throws(() => xenXml({ ...SMALL, ...part }, 'pv'), { code: 'unsupported' }, JSON.stringify(part));
  }
  t.doesNotThrow(
    () => xenXml({ ...SMALL, disks: [{ ...disk!, limits: { readIops: 0 } }] }, 'pv'),
    '0 is no limit',
  );
});

t.test(
  'share and cap are kept in the definition for the credit scheduler, and read from it again',
  async (t) => {
    const text = xenXml({ ...SMALL, cpuShares: 2048, cpuCapPercent: 75 }, 'pv', true);
    t.match(text, '<shares>512</shares>', 'a weight, which libvirt gives to every new domain as it stands');
    t.same(schedulerParams(text), [
      { field: 'weight', type: 'uint', value: 512 },
      { field: 'cap', type: 'uint', value: 75 },
    ]);
    const weight = (cpuShares: number) =>
      schedulerParams(xenXml({ ...SMALL, cpuShares }, 'pv', true))[0]?.value;
    t.same([weight(2), weight(262_144)], [1, 65_535], "never outside Xen's range");
    const cap = (vcpus: number) =>
      schedulerParams(xenXml({ ...SMALL, vcpus, cpuCapPercent: 300 }, 'pv', true))[0]?.value;
    t.same([cap(1), cap(2), cap(4)], [100, 200, 300], 'nor more than the vCPUs can use, which Xen refuses');
    t.same(schedulerParams(xenXml(SMALL, 'pv', true)), [], 'nothing asked, nothing said');
  },
);

t.test('KVM refuses guests that only Xen can run', async (t) => {
  t.throws(() => kvmDomainXml({ ...SMALL, guestType: 'pv' }, { type: 'kvm' }), { code: 'unsupported' });
  t.doesNotThrow(() => kvmDomainXml({ ...SMALL, guestType: 'hvm' }, { type: 'kvm' }));
});
