// A Machine as a libvirt domain for QEMU: a pure function, the same machine gives the same text.
import { DriverError, type Machine } from '../hypervisor.ts';
import { checkMachine } from '../libvirt-hypervisor/check-machine.ts';
import { vserverMetadata } from '../libvirt-hypervisor/metadata.ts';
import { renderXml, type XmlElement, xml } from '../libvirt-hypervisor/xml.ts';
import { diskXml, mediaXml, nicXml, pciAddress } from './device-xml.ts';
import { SINGLE_SLOTS } from './slots.ts';

const QEMU_NAMESPACE = 'http://libvirt.org/schemas/domain/qemu/1.0';
/** Length of the period in which the CPU cap is counted, in microseconds: the kernel's default. */
const CAP_PERIOD_US = 100_000;

export interface DomainOptions {
  /** `qemu` is emulation (TCG). */
  type: 'kvm' | 'qemu';
  /** The versioned machine type of an earlier definition: an upgrade of QEMU must not change a guest's board. */
  machineType?: string | undefined;
}

/**
 * The domain XML of `machine`.
 * @see https://libvirt.org/formatdomain.html
 * @throws DriverError `invalid` or `unsupported`
 */
export function domainXml(machine: Machine, options: DomainOptions): string {
  checkMachine(machine);
  if (machine.guestType !== undefined && machine.guestType !== 'hvm') {
    const why = `define ${machine.name}: KVM runs hvm guests only, and the image asks for ${machine.guestType}`;
    throw new DriverError('unsupported', why);
  }
  const domain = xml(
    'domain',
    { type: options.type, 'xmlns:qemu': QEMU_NAMESPACE },
    xml('name', {}, machine.name),
    xml('uuid', {}, machine.uuid),
    vserverMetadata(machine.vserverId),
    xml('memory', { unit: 'MiB' }, machine.memoryMiB),
    hugepagesXml(machine),
    processorXml(machine),
    sysinfoXml(machine),
    osXml(machine, options),
    xml('features', {}, xml('acpi'), xml('apic'), xml('vmport', { state: 'off' })),
    cpuXml(machine, options),
    clockXml(),
    // A crash is an ending with a reason of its own, not a machine left half alive.
    xml('on_poweroff', {}, 'destroy'),
    xml('on_reboot', {}, 'restart'),
    xml('on_crash', {}, 'destroy'),
    // A guest asleep in S3/S4 looks like one that hangs; no control plane of ours can wake it.
    xml('pm', {}, xml('suspend-to-mem', { enabled: 'no' }), xml('suspend-to-disk', { enabled: 'no' })),
    devicesXml(machine),
    monitorXml(machine.qmpSocket),
  );
  return renderXml(domain);
}

function processorXml(machine: Machine): XmlElement[] {
  const most = machine.maxVcpus ?? machine.vcpus;
  const current = most > machine.vcpus ? machine.vcpus : undefined;
  const tune: XmlElement[] = [];
  if (machine.cpuShares !== undefined) tune.push(xml('shares', {}, machine.cpuShares));
  if (machine.cpuCapPercent !== undefined) {
    // The global pair bounds the whole QEMU process, so that a guest's disk threads count as well.
    tune.push(xml('global_period', {}, CAP_PERIOD_US));
    tune.push(xml('global_quota', {}, (machine.cpuCapPercent * CAP_PERIOD_US) / 100));
  }
  const { cpuset, vcpuPins, numaNode } = machine;
  vcpuPins?.forEach((cpu, vcpu) => {
    tune.push(xml('vcpupin', { vcpu, cpuset: cpu }));
  });
  return [
    xml('vcpu', { placement: 'static', cpuset, current }, most),
    ...(tune.length > 0 ? [xml('cputune', {}, tune)] : []),
    ...(numaNode === undefined
      ? []
      : [xml('numatune', {}, xml('memory', { mode: 'strict', nodeset: numaNode }))]),
  ];
}

function hugepagesXml({ hugepageKiB }: Machine): XmlElement | undefined {
  if (hugepageKiB === undefined) return undefined;
  return xml('memoryBacking', {}, xml('hugepages', {}, xml('page', { size: hugepageKiB, unit: 'KiB' })));
}

/** Firmware tables: cloud-init chooses its datasource by them. */
function sysinfoXml({ smbios, uuid }: Machine): XmlElement | undefined {
  if (smbios === undefined) return undefined;
  const { manufacturer, product, version, serial, assetTag } = smbios;
  const entries = Object.entries({ manufacturer, product, version, serial, uuid });
  const system = entries.flatMap(([name, value]) =>
    value === undefined ? [] : [xml('entry', { name }, value)],
  );
  return xml(
    'sysinfo',
    { type: 'smbios' },
    xml('system', {}, system),
    assetTag === undefined ? undefined : xml('chassis', {}, xml('entry', { name: 'asset' }, assetTag)),
  );
}

function osXml({ kernel, smbios, vncSocket }: Machine, options: DomainOptions): XmlElement {
  return xml(
    'os',
    {},
    xml('type', { arch: 'x86_64', machine: options.machineType ?? 'pc' }, 'hvm'),
    kernel && xml('kernel', {}, kernel.path),
    kernel?.initrd === undefined ? undefined : xml('initrd', {}, kernel.initrd),
    kernel?.commandLine === undefined ? undefined : xml('cmdline', {}, kernel.commandLine),
    // Without a screen the firmware's words ("No bootable device") go to the serial console.
    vncSocket === undefined ? xml('bios', { useserial: 'yes' }) : undefined,
    smbios === undefined ? undefined : xml('smbios', { mode: 'sysinfo' }),
  );
}

/** One socket: editions of Windows count sockets, and Linux sees its CPUs share a cache. */
function cpuXml(machine: Machine, { type }: DomainOptions): XmlElement {
  const cores = machine.maxVcpus ?? machine.vcpus;
  const topology = xml('topology', { sockets: 1, dies: 1, cores, threads: 1 });
  return type === 'kvm'
    ? xml('cpu', { mode: 'host-passthrough', check: 'none', migratable: 'on' }, topology)
    : xml('cpu', { mode: 'maximum', check: 'none' }, topology);
}

function clockXml(): XmlElement {
  return xml(
    'clock',
    { offset: 'utc' },
    xml('timer', { name: 'rtc', tickpolicy: 'catchup' }),
    xml('timer', { name: 'pit', tickpolicy: 'delay' }),
    xml('timer', { name: 'hpet', present: 'no' }),
  );
}

function devicesXml(machine: Machine): XmlElement {
  return xml(
    'devices',
    {},
    machine.disks.map(diskXml),
    mediaXml(machine.media),
    machine.nics.map(nicXml),
    xml('controller', { type: 'usb', model: 'none' }),
    xml('controller', { type: 'virtio-serial', index: 0 }, pciAddress(SINGLE_SLOTS.serialController)),
    xml('serial', { type: 'pty' }, xml('target', { type: 'isa-serial', port: 0 })),
    lineXml(machine.lineSocket),
    xml('console', { type: 'pty' }, xml('target', { type: 'serial', port: 0 })),
    xml(
      'channel',
      { type: 'unix' },
      xml('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' }),
      xml('address', { type: 'virtio-serial', controller: 0, bus: 0, port: 1 }),
    ),
    graphicsXml(machine.vncSocket),
    xml('memballoon', { model: 'virtio' }, pciAddress(SINGLE_SLOTS.balloon)),
    xml(
      'rng',
      { model: 'virtio' },
      xml('backend', { model: 'random' }, '/dev/urandom'),
      pciAddress(SINGLE_SLOTS.rng),
    ),
    xml('panic', { model: 'isa' }),
  );
}

/** COM2, `ttyS1`: what is said there while nobody listens is lost, and nobody keeps it. */
function lineXml(path: string | undefined): XmlElement | undefined {
  if (path === undefined) return undefined;
  return xml(
    'serial',
    { type: 'unix' },
    xml('source', { mode: 'bind', path }),
    xml('target', { type: 'isa-serial', port: 1 }),
  );
}

function graphicsXml(socket: string | undefined): XmlElement[] {
  if (socket === undefined) return [];
  return [
    xml('graphics', { type: 'vnc' }, xml('listen', { type: 'socket', socket })),
    xml('video', {}, xml('model', { type: 'vga' }), pciAddress(SINGLE_SLOTS.graphics)),
  ];
}

/** A QMP monitor of the agent's own beside libvirt's: direct events, block jobs and statistics. */
function monitorXml(socket: string | undefined): XmlElement | undefined {
  if (socket === undefined) return undefined;
  // In QEMU's option syntax a comma ends a value; doubled, it is part of it.
  const path = socket.replaceAll(',', ',,');
  return xml(
    'qemu:commandline',
    {},
    xml('qemu:arg', { value: '-qmp' }),
    xml('qemu:arg', { value: `unix:${path},server=on,wait=off` }),
  );
}
