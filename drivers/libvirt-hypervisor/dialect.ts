// What differs between the hypervisors behind libvirt: their XML, their names, and what they can do.
import type {
  DiskBackup,
  DiskBackupRef,
  HostFacts,
  HypervisorFeatures,
  Machine,
  MachineDisk,
  MachineNic,
} from '../hypervisor.ts';
import type { DomainRef, DomainStats, KeepaliveOptions, LibvirtClient } from '../libvirt/mod.ts';

export interface Dialect {
  readonly features: HypervisorFeatures;
  /** `shutdown_flags` for the ACPI button or its like; 0 where libvirt shall choose. */
  readonly shutdownFlags: number;
  /** `undefine_flags`: everything libvirt keeps beside a definition goes with it. */
  readonly undefineFlags: number;
  /** Flags of the bulk statistics. */
  readonly statsFlags: number;
  /** In place of the bulk statistics, where this driver of libvirt has none: all domains, or those named. */
  statistics?(client: LibvirtClient, domains?: DomainRef[]): Promise<DomainStats[]>;
  /** What a running domain has to be told that a definition does not tell it; called whenever one was started. */
  started?(client: LibvirtClient, domain: DomainRef): Promise<void>;
  /** Unplugging is done when libvirt's answer is there; no event follows, and asking twice is a failure. */
  readonly unplugAnswers?: boolean;
  /** How long the daemon may be silent before it counts as dead; absent: the client's own patience. */
  readonly keepalive?: KeepaliveOptions;
  /** What runs the guests, known once connected. */
  readonly facts: Pick<HostFacts, 'hypervisor' | 'emulated'>;
  /** Finds out what the host can do; called once, right after the first connection. */
  prepare(client: LibvirtClient): Promise<void>;
  /** Domain XML; `previous` is that of the definition to be replaced. @throws DriverError */
  domain(machine: Machine, previous: string | undefined): string;
  /** Device XML. @throws DriverError */
  disk(disk: MachineDisk): string;
  nic(nic: MachineNic): string;
  cdrom(index: number, path: string | undefined): string;
  /** Opens the tray of CD-ROM number `index` past libvirt, where libvirt can be wrong about it (see medium.ts). */
  openTray?(client: LibvirtClient, domain: DomainRef, index: number): Promise<void>;
  /** Takes away what stands in the way of plugging, if `error` names it; false if it does not. */
  clearHalfPlugged?(
    client: LibvirtClient,
    domain: DomainRef,
    place: DevicePlace,
    error: unknown,
  ): Promise<boolean>;
  /** The target name of the disk at a position: vda, xvda. @throws DriverError */
  diskTarget(position: number): string;
  /** Copies of a running machine's disks; absent where `features.liveBackup` is false. */
  readonly backups?: DiskBackups;
}

/** Where in a machine a disk or NIC belongs. */
export interface DevicePlace {
  kind: 'disk' | 'nic';
  position: number;
}

/** How a dialect copies disks of running machines. */
export interface DiskBackups {
  take(position: number, backup: DiskBackup, askGuest: AskGuest): Promise<void>;
  clear(position: number, backup: DiskBackupRef, askGuest: AskGuest): Promise<void>;
}

/** One command to the guest agent. */
export type AskGuest = (command: string) => Promise<unknown>;

/** What every verb works with. */
export interface Session {
  readonly client: LibvirtClient;
  readonly dialect: Dialect;
}
