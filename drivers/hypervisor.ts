// The contract between the agent and a hypervisor. Nothing outside drivers/ names KVM or Xen:
// the agent hands over a Machine (plain values) and gets samples and events back.
import type { Duplex } from 'node:stream';

/** Codes a driver may fail with; a subset of the product's error codes. */
export type DriverErrorCode =
  | 'not-found'
  | 'wrong-state'
  | 'conflict'
  | 'invalid'
  | 'unsupported'
  | 'hypervisor';

/** What a driver throws; the hypervisor's own error is kept as `cause`. */
export class DriverError extends Error {
  override readonly name = 'DriverError';
  readonly code: DriverErrorCode;

  constructor(code: DriverErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Limits of one disk; 0 or absent means unlimited. */
export interface DiskLimits {
  readBytesPerSecond?: number;
  writeBytesPerSecond?: number;
  readIops?: number;
  writeIops?: number;
}

export interface MachineDisk {
  /** 0 is the system disk: 0 → vda/xvda, 1 → vdb/xvdb … */
  position: number;
  /** File or block device on the host. */
  path: string;
  format: 'raw' | 'qcow2';
  /**
   * What a qcow2 overlay builds on. Other VServers build on the same file: a driver opens it read-only and
   * leaves owner and mode alone (libvirt: `<seclabel model='dac' relabel='no'/>` in the backing store).
   */
  backing?: { path: string; format: 'raw' | 'qcow2' };
  /** Shown to the guest (virtio: at most 20 characters). */
  serial: string;
  readOnly?: boolean;
  limits?: DiskLimits;
}

export interface MachineNic {
  /** Smallest unused number on the VServer; fixes the slot order in the guest. */
  position: number;
  mac: string;
  /** Name of the tap (KVM) or vif (Xen) on the host, known before it exists (at most 15 characters). */
  device: string;
  bridge: string;
  mtu?: number;
  /** Bytes per second as seen by the guest; 0 or absent means unlimited. */
  inboundBytesPerSecond?: number;
  outboundBytesPerSecond?: number;
}

/** A read-only context medium. `bus: 'cdrom'` appears as sr0 …, needed by the OVF datasource and to change it. */
export interface MachineMedium {
  path: string;
  bus: 'cdrom' | 'disk';
}

/** Strings the guest's firmware tables show; they select cloud-init's datasource. */
export interface MachineSmbios {
  manufacturer?: string;
  product?: string;
  version?: string;
  serial?: string;
  /** Chassis asset tag. */
  assetTag?: string;
}

/** Which backup of a running machine's disk is meant, and how its machine is reached. */
export interface DiskBackupRef {
  /** Names whatever the backup leaves in the machine: at most 20 letters, digits and dashes. */
  id: string;
  /** `Machine.qmpSocket` of that machine. */
  qmpSocket: string;
  /** The guest's file systems are held by its agent at the moment that counts. */
  freeze?: boolean;
}

/** A copy of a running machine's disk as it is at one moment. */
export interface DiskBackup extends DiskBackupRef {
  /** Exists, as long as the disk, writable for the hypervisor; blank, or with the content of backup `since`. */
  target: { path: string; format: 'raw' | 'qcow2' };
  /** From that moment on it is remembered what changes, so that a later backup can be `since` this one. */
  track?: boolean;
  /** Id of an earlier tracked backup: only what changed since is written into the target. */
  since?: string;
  /** Most bytes copied per second; absent means as fast as the host can. */
  bytesPerSecond?: number;
  /** Aborting cancels the copy. */
  signal?: AbortSignal;
  onProgress?(doneBytes: number, totalBytes: number): void;
}

/**
 * How a guest meets the machine: `hvm` has firmware and boots from its disk as a PC does; `pv` and `pvh` are guests
 * that know their hypervisor (Xen), `pvh` with the processor's help.
 */
export type GuestType = 'hvm' | 'pv' | 'pvh';

/** Everything a driver needs to know of a VServer, and nothing else. */
export interface Machine {
  /** Domain name; unique on the host. */
  name: string;
  /** RFC 4122 text form; also what the guest sees as its system UUID. */
  uuid: string;
  /** VServer id, kept in the domain's metadata so that an operator sees whose it is. */
  vserverId: string;
  vcpus: number;
  /** Most vCPUs that can be plugged later; at least `vcpus`. */
  maxVcpus?: number;
  memoryMiB: number;
  /** Relative weight (libvirt cpu_shares / Xen weight); absent means the hypervisor's default. */
  cpuShares?: number;
  /** Upper bound in percent of one CPU over all vCPUs; absent means none. */
  cpuCapPercent?: number;
  /** Host CPUs that it may run on, with whatever of it is not pinned: "0-3,^2". */
  cpuset?: string;
  /** The host CPU of each vCPU; as many as `vcpus`. */
  vcpuPins?: number[];
  /** The NUMA node that all its memory is on. */
  numaNode?: number;
  /** Its memory is in huge pages of this size. */
  hugepageKiB?: number;
  /** Absent: whatever lets an ordinary image boot. One that the driver has not is `unsupported`. */
  guestType?: GuestType;
  disks: MachineDisk[];
  nics: MachineNic[];
  media: MachineMedium[];
  smbios?: MachineSmbios;
  /** UNIX socket of the agent's own QMP monitor; ignored by drivers without QMP. */
  qmpSocket?: string;
  /** UNIX socket of the second serial port, on which a guest speaks to the agent; only when asked. */
  lineSocket?: string;
  /** Graphics only when asked: VNC on a UNIX socket. */
  vncSocket?: string;
  /** Direct kernel boot instead of the disk's boot sector. */
  kernel?: { path: string; initrd?: string; commandLine?: string };
}

/** A machine's condition as the hypervisor tells it. */
export type MachineState = 'running' | 'paused' | 'shutting-down' | 'off' | 'crashed';

/** True for a machine without a process: it is off, it has crashed, or (`undefined`) there is none. */
export function isOff(state: MachineState | undefined): boolean {
  return state === undefined || state === 'off' || state === 'crashed';
}

/** One row of the single bulk call that listing, reconcile and statistics all use. */
export interface MachineSample {
  name: string;
  uuid: string;
  state: MachineState;
  /** Why it is in that state, in the hypervisor's words ("destroyed", "crashed", "booted" …). */
  reason: string;
  vcpus: number;
  memoryMiB: number;
  /** Nanoseconds of CPU used since it was started. */
  cpuTimeNs: bigint;
  /** Resident on the host, in KiB, if known. */
  rssKiB?: number;
  disks: {
    target: string;
    path: string;
    readBytes: bigint;
    writeBytes: bigint;
    readRequests: bigint;
    writeRequests: bigint;
  }[];
  nics: {
    device: string;
    receivedBytes: bigint;
    sentBytes: bigint;
    receivedPackets: bigint;
    sentPackets: bigint;
  }[];
}

export interface HostFacts {
  hypervisor: 'kvm' | 'qemu' | 'xen' | 'test';
  /** Version of the hypervisor and of libvirt, "9.0.0" form. */
  hypervisorVersion: string;
  libvirtVersion: string;
  hostname: string;
  architecture: string;
  cpuModel: string;
  /** Empty where the hypervisor does not tell. */
  cpuVendor: string;
  /** What the processor has beyond its model, in the hypervisor's names, sorted. */
  cpuFeatures: string[];
  cpus: number;
  cpuMhz: number;
  numaNodes: number;
  memoryMiB: number;
  /** Why guests run emulated, if they do; shown as a warning. */
  emulated?: string;
}

/** Huge pages of one size on one NUMA node, reserved by the host's administrator. */
export interface HugePages {
  sizeKiB: number;
  total: number;
  /** In use by nobody at the moment. */
  free: number;
}

/** A NUMA node: memory and the CPUs near to it. */
export interface HostNode {
  id: number;
  memoryBytes: number;
  /** Numbers of the host's CPUs, ascending; empty for a node of memory alone. */
  cpus: number[];
  /** Ascending by size; only sizes larger than the processor's ordinary one. */
  hugepages: HugePages[];
}

/** Where CPUs and memory are; a host without NUMA has one node. */
export interface HostTopology {
  nodes: HostNode[];
}

/** What this hypervisor cannot do is said here, and the operations answer `unsupported`. */
export interface HypervisorFeatures {
  pause: boolean;
  save: boolean;
  diskHotplug: boolean;
  nicHotplug: boolean;
  liveBackup: boolean;
  guestAgent: boolean;
  onlineResize: boolean;
  /** Huge pages, NUMA nodes and pinned vCPUs. */
  placement: boolean;
  /** Another medium can be put into a running machine's drive. */
  mediumChange: boolean;
  /** A second serial port leads to `Machine.lineSocket`. */
  guestLine: boolean;
}

export type HypervisorEvent =
  /** Something that may have changed a machine's state; `state` absent when the machine is gone. */
  | { type: 'machine'; name: string; uuid: string; state?: MachineState; reason: string }
  | { type: 'device-removed'; name: string; uuid: string; device: string }
  | { type: 'device-removal-failed'; name: string; uuid: string; device: string }
  | { type: 'guest-agent'; name: string; uuid: string; connected: boolean }
  | { type: 'io-error'; name: string; uuid: string; path: string; device: string; reason: string }
  | { type: 'panic'; name: string; uuid: string }
  /** The connection to the hypervisor's daemon; after `connected` everything must be compared anew. */
  | { type: 'disconnected'; reason: string }
  | { type: 'connected' };

/** A hypervisor as the agent sees it. Every verb is idempotent: what already holds is success. */
export interface Hypervisor {
  readonly features: HypervisorFeatures;

  /** Connects and keeps connected (reconnecting by itself) until `close`. Rejects if the first try fails. */
  connect(): Promise<void>;
  close(): Promise<void>;
  /** True while calls can be answered. */
  readonly connected: boolean;
  /** Every subscriber gets every event from now on; the iteration ends on `close`. */
  events(): AsyncIterable<HypervisorEvent>;

  facts(): Promise<HostFacts>;
  /** Changes while the host runs: an administrator may reserve huge pages at any time. */
  topology(): Promise<HostTopology>;
  /** Memory of the host that no guest and no part of the host holds, in MiB. */
  freeMemoryMiB(): Promise<number>;
  /** Domains of the whole host, ours and foreign, by one bulk call. */
  list(): Promise<MachineSample[]>;
  /** One machine, or undefined if there is none of that name. */
  find(name: string): Promise<MachineSample | undefined>;

  /** Makes the persistent definition, or replaces it. Does not start anything. */
  define(machine: Machine): Promise<void>;
  /** Removes the definition; a running machine must be powered off first. */
  undefine(name: string): Promise<void>;
  start(name: string): Promise<void>;
  /** Asks the guest's OS (ACPI button, and the guest agent if there is one); returns at once. */
  shutdown(name: string): Promise<void>;
  powerOff(name: string): Promise<void>;
  reset(name: string): Promise<void>;
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /**
   * Gives a running machine so much memory by its balloon, at most what it was defined with. How much it has got is in
   * its sample; the definition keeps its own, which the next boot begins with.
   */
  setMemory(name: string, memoryMiB: number): Promise<void>;
  /** Memory image to `path`; the machine is then off. */
  save(name: string, path: string): Promise<void>;
  /** Lets the machine, which is off, run on from the image at `path`. */
  restore(name: string, path: string): Promise<void>;

  /** Live and persistent when running, persistent only when off. */
  attachDisk(name: string, disk: MachineDisk): Promise<void>;
  /** Asks for removal; for a running machine resolves only when the guest let go (or rejects at `timeoutMs`). */
  detachDisk(name: string, position: number, timeoutMs: number): Promise<void>;
  attachNic(name: string, nic: MachineNic): Promise<void>;
  detachNic(name: string, mac: string, timeoutMs: number): Promise<void>;
  /** Tells a running machine that its disk is now `bytes` long. */
  resizeDisk(name: string, position: number, bytes: number): Promise<void>;
  /**
   * Copies a running machine's disk while its guest writes; resolves when the copy is whole and let go of.
   * What an interrupted backup of the same id has left is cleared away first.
   */
  backupDisk(name: string, position: number, backup: DiskBackup): Promise<void>;
  /** Clears away what a backup that was cut off has left in a machine; a machine that is off has nothing. */
  clearBackup(name: string, position: number, backup: DiskBackupRef): Promise<void>;
  /** Replaces the medium in a cdrom, or removes it. */
  changeMedium(name: string, index: number, path: string | undefined): Promise<void>;

  /** Serial console: bytes both ways until either side closes. */
  openConsole(name: string): Promise<Duplex>;
  /** One guest agent command (JSON in, JSON out). */
  guestAgent(name: string, command: object, timeoutMs: number): Promise<unknown>;
}
