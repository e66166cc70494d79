// Xen behind libvirt's libxl driver: its XML, and what it cannot do.
import {
  DriverError,
  type GuestType,
  type HypervisorFeatures,
  type Machine,
  type MachineDisk,
  type MachineNic,
} from '../hypervisor.ts';
import { type DomainRef, type DomainStats, type LibvirtClient, UNDEFINE } from '../libvirt/mod.ts';
import type { Dialect } from '../libvirt-hypervisor/dialect.ts';
import { renderXml } from '../libvirt-hypervisor/xml.ts';
import { diskXml, nicXml } from './device-xml.ts';
import { domainXml } from './domain-xml.ts';
import { offeredTypes } from './offered.ts';
import { hasCredit, keepScheduled, schedule } from './scheduling.ts';
import { statistics } from './statistics.ts';
import { diskTarget } from './targets.ts';

export class XenDialect implements Dialect {
  readonly features: HypervisorFeatures = {
    pause: true,
    save: true,
    diskHotplug: true,
    nicHotplug: true,
    // No QMP monitor that libvirt lets anyone speak to, and QEMU has no part in disks that dom0's kernel serves.
    liveBackup: false,
    guestAgent: false,
    // libvirt's driver has no block resize: a running guest learns of a disk's new length at its next boot.
    onlineResize: false,
    placement: false,
    mediumChange: false,
    guestLine: false,
  };
  /** libvirt chooses: the guest's Xen drivers where there are any, else the ACPI button. */
  readonly shutdownFlags = 0;
  readonly undefineFlags: number = UNDEFINE.managedSave;
  readonly statsFlags = 0;
  readonly unplugAnswers = true;
  /** While libxl waits for a device model to start, for up to a minute, this libvirtd answers no ping. */
  readonly keepalive = { intervalMs: 10_000, count: 9 };
  readonly facts = { hypervisor: 'xen' } as const;
  #offered: GuestType[] = ['pv'];
  #credit = false;

  async prepare(client: LibvirtClient): Promise<void> {
    this.#offered = offeredTypes(await client.host.capabilities());
    this.#credit = await hasCredit(client);
    // It ends when the client is closed.
    if (this.#credit) void keepScheduled(client);
  }

  /** Its first moments are scheduled like any other domain's: libvirt takes weights of running ones only. */
  async started(client: LibvirtClient, domain: DomainRef): Promise<void> {
    if (this.#credit) await schedule(client, domain);
  }

  statistics(client: LibvirtClient, domains?: DomainRef[]): Promise<DomainStats[]> {
    return statistics(client, domains);
  }

  domain(machine: Machine): string {
    const { guestType } = machine;
    if (guestType !== undefined && !this.#offered.includes(guestType)) {
      const why = `this Xen host runs ${this.#offered.join(', ')} guests, and ${guestType} is asked for`;
      throw new DriverError('unsupported', `define ${machine.name}: ${why}`);
    }
    // Firmware boots any image; without the processor's help the disk must hold a kernel that pygrub finds.
    const type = this.#offered.includes('hvm') && !machine.kernel ? 'hvm' : 'pv';
    return domainXml(machine, { type, credit: this.#credit });
  }

  disk(disk: MachineDisk): string {
    return renderXml(diskXml(disk));
  }

  nic(nic: MachineNic): string {
    return renderXml(nicXml(nic));
  }

  cdrom(): string {
    throw new DriverError(
      'unsupported',
      'context media of Xen guests are disks, and cannot be changed in place',
    );
  }

  diskTarget(position: number): string {
    return diskTarget(position);
  }
}
