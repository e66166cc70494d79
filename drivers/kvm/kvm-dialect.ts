// QEMU behind libvirt: its XML, and whether its guests run by KVM or are emulated.
import type { HostFacts, HypervisorFeatures, Machine, MachineDisk, MachineNic } from '../hypervisor.ts';
import { type LibvirtClient, SHUTDOWN, STATS_OF, UNDEFINE } from '../libvirt/mod.ts';
import type { Dialect } from '../libvirt-hypervisor/dialect.ts';
import { readDomain } from '../libvirt-hypervisor/read-xml.ts';
import { renderXml } from '../libvirt-hypervisor/xml.ts';
import { type Acceleration, type ProbeOptions, probeAcceleration } from './acceleration.ts';
import { backups } from './backup.ts';
import { cdromXml, diskXml, nicXml } from './device-xml.ts';
import { domainXml } from './domain-xml.ts';
import { clearHalfPlugged, openTray } from './past-libvirt.ts';
import { diskTarget } from './slots.ts';

export class KvmDialect implements Dialect {
  readonly features: HypervisorFeatures = {
    pause: true,
    save: true,
    diskHotplug: true,
    nicHotplug: true,
    liveBackup: true,
    guestAgent: true,
    onlineResize: true,
    placement: true,
    mediumChange: true,
    guestLine: true,
  };
  readonly shutdownFlags = SHUTDOWN.acpi;
  readonly undefineFlags =
    UNDEFINE.managedSave | UNDEFINE.snapshotsMetadata | UNDEFINE.nvram | UNDEFINE.checkpointsMetadata;
  /** A machine whose monitor hangs must not hold up the list of all others. */
  readonly statsFlags = STATS_OF.nowait;
  readonly backups = backups;
  readonly openTray = openTray;
  readonly clearHalfPlugged = clearHalfPlugged;
  readonly #probe: ProbeOptions;
  #acceleration: Acceleration = { type: 'qemu', reason: 'not probed yet' };

  constructor(probe: ProbeOptions) {
    this.#probe = probe;
  }

  get facts(): Pick<HostFacts, 'hypervisor' | 'emulated'> {
    const found = this.#acceleration;
    return found.type === 'kvm' ? { hypervisor: 'kvm' } : { hypervisor: 'qemu', emulated: found.reason };
  }

  async prepare(client: LibvirtClient): Promise<void> {
    const found = await probeAcceleration(this.#probe);
    const offered = (await client.host.capabilities()).includes("<domain type='kvm'");
    const refused: Acceleration = {
      type: 'qemu',
      reason: 'KVM runs guests here, but libvirt offers none: may its user open /dev/kvm?',
    };
    this.#acceleration = found.type === 'kvm' && !offered ? refused : found;
  }

  domain(machine: Machine, previous: string | undefined): string {
    const { type } = this.#acceleration;
    const machineType = previous === undefined ? undefined : readDomain(previous).machineType || undefined;
    return domainXml(machine, { type, machineType });
  }

  disk(disk: MachineDisk): string {
    return renderXml(diskXml(disk));
  }

  nic(nic: MachineNic): string {
    return renderXml(nicXml(nic));
  }

  cdrom(index: number, path: string | undefined): string {
    return renderXml(cdromXml(index, path));
  }

  diskTarget(position: number): string {
    return diskTarget(position);
  }
}
