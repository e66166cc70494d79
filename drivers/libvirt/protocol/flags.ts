// libvirt's flags, by their names without the VIR_ prefix (libvirt-domain.h, libvirt-storage.h).

/** virDomainModificationImpact and virDomainDeviceModifyFlags. */
export const AFFECT = { current: 0, live: 1, config: 2, force: 4 } as const;

/** virDomainCreateFlags. */
export const START = { paused: 1, autodestroy: 2, bypassCache: 4, forceBoot: 8, validate: 16 } as const;

/** virDomainDefineFlags. */
export const DEFINE = { validate: 1 } as const;

/** virDomainUndefineFlagsValues. */
export const UNDEFINE = {
  managedSave: 1,
  snapshotsMetadata: 2,
  nvram: 4,
  keepNvram: 8,
  checkpointsMetadata: 16,
  tpm: 32,
  keepTpm: 64,
} as const;

/** virDomainShutdownFlagValues; 0 lets the hypervisor choose. */
export const SHUTDOWN = { acpi: 1, guestAgent: 2, initctl: 4, signal: 8, paravirt: 16 } as const;

/** virDomainDestroyFlagsValues; without `graceful` SIGKILL follows SIGTERM. */
export const DESTROY = { graceful: 1, removeLogs: 2 } as const;

/** virDomainXMLFlags. */
export const XML = { secure: 1, inactive: 2, updateCpu: 4, migratable: 8 } as const;

/** virDomainVcpuFlags. */
export const VCPUS = { live: 1, config: 2, maximum: 4, guest: 8, hotpluggable: 16 } as const;

/** virDomainMemoryModFlags. */
export const MEMORY = { live: 1, config: 2, maximum: 4 } as const;

/** virDomainSaveRestoreFlags. */
export const SAVE = { bypassCache: 1, running: 2, paused: 4, resetNvram: 8 } as const;

/** virDomainBlockResizeFlags; without `bytes` libvirt counts KiB. */
export const BLOCK_RESIZE = { bytes: 1, capacity: 2 } as const;

/** virDomainConsoleFlags: take it over, or refuse while another has it. */
export const CONSOLE = { force: 1, safe: 2 } as const;

/** virDomainMetadataType. */
export const METADATA = { description: 0, title: 1, element: 2 } as const;

/** virDomainInterfaceAddressesSource. */
export const ADDRESSES_FROM = { lease: 0, agent: 1, arp: 2 } as const;

/** virDomainQemuMonitorCommandFlags: the human monitor instead of QMP. */
export const MONITOR = { qmp: 0, human: 1 } as const;

/** virDomainStatsTypes: what the bulk statistics shall contain. */
export const STATS = {
  state: 1,
  cpuTotal: 2,
  balloon: 4,
  vcpu: 8,
  interface: 16,
  block: 32,
  perf: 64,
  iothread: 128,
  memory: 256,
  dirtyRate: 512,
  vm: 1024,
} as const;

/** virConnectGetAllDomainStatsFlags: which domains, and whether to wait for busy ones. */
export const STATS_OF = {
  active: 1,
  inactive: 2,
  persistent: 4,
  transient: 8,
  running: 16,
  paused: 32,
  shutoff: 64,
  other: 128,
  /** Do not wait for a domain whose monitor is busy; report what is known without it. */
  nowait: 1 << 29,
  backing: 1 << 30,
} as const;

/** virConnectListAllDomainsFlags; none means all. */
export const LIST = {
  active: 1,
  inactive: 2,
  persistent: 4,
  transient: 8,
  running: 16,
  paused: 32,
  shutoff: 64,
  other: 128,
} as const;

/** virStorageVolCreateFlags. */
export const VOL_CREATE = { preallocMetadata: 1, reflink: 2, validate: 4 } as const;

/** virStorageVolResizeFlags. */
export const VOL_RESIZE = { allocate: 1, delta: 2, shrink: 4 } as const;

/** virStoragePoolBuildFlags. */
export const POOL_BUILD = { fresh: 0, repair: 1, resize: 2, noOverwrite: 4, overwrite: 8 } as const;
