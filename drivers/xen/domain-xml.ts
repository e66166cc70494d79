// A Machine as a libvirt domain for Xen: a pure function, the same machine gives the same text.
import { DriverError, type GuestType, type Machine } from '../hypervisor.ts';
import { checkMachine } from '../libvirt-hypervisor/check-machine.ts';
import { vserverMetadata } from '../libvirt-hypervisor/metadata.ts';
import { renderXml, type XmlElement, xml } from '../libvirt-hypervisor/xml.ts';
import { diskXml, mediumXml, nicXml } from './device-xml.ts';
import { cputuneXml } from './scheduling.ts';

/** What the machine cannot say itself. */
export interface XenHost {
  /** How a guest runs whose machine does not say. */
  type: GuestType;
  /** Whether Xen's scheduler is the one that libvirt can give weights and caps. */
  credit: boolean;
}

/**
 * The domain XML of `machine`.
 * @see https://libvirt.org/formatdomain.html
 * @throws DriverError `invalid`, or `unsupported` for what Xen or its libvirt driver would silently leave out
 */
export function domainXml(machine: Machine, { type, credit }: XenHost): string {
  checkMachine(machine);
  refuseUnsupported(machine, credit);
  const guest = machine.guestType ?? type;
  const domain = xml(
    'domain',
    { type: 'xen' },
    xml('name', {}, machine.name),
    xml('uuid', {}, machine.uuid),
    vserverMetadata(machine.vserverId),
    xml('memory', { unit: 'MiB' }, machine.memoryMiB),
    vcpuXml(machine),
    cputuneXml(machine.cpuShares, machine.cpuCapPercent),
    bootloaderXml(machine, guest),
    osXml(machine, guest),
    guest === 'hvm' ? xml('features', {}, xml('acpi'), xml('apic'), xml('pae')) : undefined,
    xml('clock', { offset: 'utc' }),
    // A crash is an ending with a reason of its own, not a machine left half alive.
    xml('on_poweroff', {}, 'destroy'),
    xml('on_reboot', {}, 'restart'),
    xml('on_crash', {}, 'destroy'),
    xml(
      'devices',
      {},
      machine.disks.map(diskXml),
      machine.media.map(mediumXml),
      machine.nics.map(nicXml),
      consoleXml(guest),
    ),
  );
  return renderXml(domain);
}

const OTHER_SCHEDULER = 'libvirt sets them with the credit scheduler only: boot Xen with sched=credit';

/** What a definition would carry without any effect is refused instead: no wrong success. */
function refuseUnsupported(machine: Machine, credit: boolean): void {
  const refused: [boolean, string][] = [
    [!credit && machine.cpuShares !== undefined, `CPU shares here (${OTHER_SCHEDULER})`],
    [!credit && machine.cpuCapPercent !== undefined, `a CPU cap here (${OTHER_SCHEDULER})`],
    [machine.hugepageKiB !== undefined, 'huge pages (Xen chooses the size of pages itself)'],
    [
      machine.numaNode !== undefined,
      'a NUMA node for memory (pin the vCPUs: Xen takes memory from where they are)',
    ],
    [machine.vcpuPins !== undefined, 'vCPUs that are pinned one by one (give a set of CPUs for all)'],
    [machine.lineSocket !== undefined, 'a second serial port that leads to the agent'],
    [machine.vncSocket !== undefined, 'a screen on a UNIX socket'],
  ];
  const first = refused.find(([asked]) => asked);
  if (first) throw new DriverError('unsupported', `define ${machine.name}: Xen has no ${first[1]}`);
}

function vcpuXml({ vcpus, maxVcpus, cpuset }: Machine): XmlElement {
  const most = maxVcpus ?? vcpus;
  return xml('vcpu', { placement: 'static', cpuset, current: most > vcpus ? vcpus : undefined }, most);
}

/** Without a kernel of its own a paravirtual guest's is read from its disk, by the boot loader in dom0. */
function bootloaderXml(machine: Machine, guest: GuestType): XmlElement | undefined {
  return guest === 'hvm' || machine.kernel ? undefined : xml('bootloader', {}, 'pygrub');
}

const OS: Record<GuestType, { machine: string; type: string }> = {
  pv: { machine: 'xenpv', type: 'linux' },
  pvh: { machine: 'xenpvh', type: 'xenpvh' },
  hvm: { machine: 'xenfv', type: 'hvm' },
};

function osXml({ kernel }: Machine, guest: GuestType): XmlElement {
  const { machine, type } = OS[guest];
  return xml(
    'os',
    {},
    xml('type', { arch: 'x86_64', machine }, type),
    kernel && xml('kernel', {}, kernel.path),
    kernel?.initrd === undefined ? undefined : xml('initrd', {}, kernel.initrd),
    kernel?.commandLine === undefined ? undefined : xml('cmdline', {}, kernel.commandLine),
    guest === 'hvm' && !kernel ? xml('boot', { dev: 'hd' }) : undefined,
  );
}

/** `hvc0` of a paravirtual guest; the first serial port of one with firmware. */
function consoleXml(guest: GuestType): XmlElement[] {
  if (guest !== 'hvm') return [xml('console', { type: 'pty' }, xml('target', { type: 'xen', port: 0 }))];
  return [
    xml('serial', { type: 'pty' }, xml('target', { port: 0 })),
    xml('console', { type: 'pty' }, xml('target', { type: 'serial', port: 0 })),
  ];
}
