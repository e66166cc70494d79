// libvirt's own test driver (`test:///default`): domains that cost nothing, to try many VServers at once.
import {
  DriverError,
  type HypervisorFeatures,
  type Machine,
  type MachineDisk,
  type MachineNic,
} from '../hypervisor.ts';
import { UNDEFINE } from '../libvirt/mod.ts';
import { checkMachine } from '../libvirt-hypervisor/check-machine.ts';
import type { Dialect } from '../libvirt-hypervisor/dialect.ts';
import { vserverMetadata } from '../libvirt-hypervisor/metadata.ts';
import { renderXml, type XmlElement, xml } from '../libvirt-hypervisor/xml.ts';

/** The test driver has domains with states and events, but nothing in them runs: no hot-plug, no console. */
export class TestDialect implements Dialect {
  readonly features: HypervisorFeatures = {
    pause: true,
    save: true,
    diskHotplug: false,
    nicHotplug: false,
    liveBackup: false,
    guestAgent: false,
    onlineResize: false,
    placement: true,
    mediumChange: false,
    guestLine: false,
  };
  readonly shutdownFlags = 0;
  readonly undefineFlags: number = UNDEFINE.managedSave | UNDEFINE.snapshotsMetadata;
  readonly statsFlags = 0;
  readonly facts = { hypervisor: 'test' } as const;

  async prepare(): Promise<void> {}

  domain(machine: Machine): string {
    checkMachine(machine);
    return renderXml(
      xml(
        'domain',
        { type: 'test' },
        xml('name', {}, machine.name),
        xml('uuid', {}, machine.uuid),
        vserverMetadata(machine.vserverId),
        xml('memory', { unit: 'MiB' }, machine.memoryMiB),
        xml('vcpu', {}, machine.vcpus),
        xml('os', {}, xml('type', {}, 'hvm')),
        xml('devices', {}, machine.disks.map(diskXml), machine.nics.map(nicXml)),
      ),
    );
  }

  disk(disk: MachineDisk): string {
    return renderXml(diskXml(disk));
  }

  nic(nic: MachineNic): string {
    return renderXml(nicXml(nic));
  }

  cdrom(): string {
    throw new DriverError('unsupported', "libvirt's test driver cannot change media");
  }

  diskTarget(position: number): string {
    return diskTarget(position);
  }
}

function diskTarget(position: number): string {
  if (position >= 26) throw new DriverError('unsupported', 'a test VServer has room for 26 VDisks');
  return `vd${String.fromCharCode(97 + position)}`;
}

function diskXml(disk: MachineDisk): XmlElement {
  return xml(
    'disk',
    { type: 'file', device: 'disk' },
    xml('source', { file: disk.path }),
    xml('target', { dev: diskTarget(disk.position), bus: 'virtio' }),
  );
}

function nicXml(nic: MachineNic): XmlElement {
  return xml(
    'interface',
    { type: 'bridge' },
    xml('mac', { address: nic.mac }),
    xml('source', { bridge: nic.bridge }),
    xml('target', { dev: nic.device }),
  );
}
