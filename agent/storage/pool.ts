// What a storage pool is: the small contract that directories, NFS, LVM thin and later RBD and ZFS all keep.

/** Formats a volume or a registered image can have; never guessed by QEMU, always told to it. */
export type DiskFormat = 'raw' | 'qcow2';

/** Content on this host that a volume can start from. */
export interface Source {
  /** Absolute path of a file or block device. */
  path: string;
  format: DiskFormat;
}

/** One VDisk's place in a pool. */
export interface Volume extends Source {
  /** What the guest sees, not what it takes up. */
  sizeBytes: number;
  /**
   * What an overlay builds on. Shared with other volumes: whoever opens it must do so read-only and must
   * not change its owner or mode (libvirt: `<seclabel model='dac' relabel='no'/>` on the backing store).
   */
  backing?: Source;
}

/** Told now and then how far a long task is, in bytes; `total` may grow while it is still unknown. */
export type Progress = (done: number, total: number) => void;

/** What every long task can be given. */
export interface TaskOptions {
  /** Aborting kills what runs, removes what it left and rejects with `cancelled`. */
  signal?: AbortSignal;
  onProgress?: Progress;
}

export interface VolumeSpec {
  /** Rounded up to whole sectors of 512 bytes. */
  sizeBytes: number;
  /**
   * Content to start with; blank if absent. A source without any write permission (a registered image)
   * never changes, so the pool may build on it; any other source is copied.
   */
  from?: Source;
}

/** A volume whose content a hypervisor writes. */
export interface FilledSpec extends VolumeSpec {
  /** A volume the same hypervisor process has open: whoever owns that one may write the new one meanwhile. */
  writer: Source;
  /** Writes the content into the unfinished volume, which is blank or has that of `from`. */
  fill(unfinished: Source): Promise<void>;
}

export interface PoolCapacity {
  totalBytes: number;
  /** What can still be written, without the part kept for root. */
  freeBytes: number;
}

/**
 * A place that holds volumes. Ids are of letters, digits, `_` and `-`, at most 64. Calls about one id
 * are carried out one after the other, about different ids side by side. Everything rejects with
 * InnkeeperError: `no-capacity` (disk full, with the space that was asked for), `conflict`, `invalid`,
 * `not-found`, `wrong-state` (in use), `cancelled`, `internal` (the pool does not answer, or I/O errors).
 */
export interface Pool {
  readonly name: string;
  readonly kind: string;
  /** True if `create` copies a volume of the same pool at one moment, even while it is written. */
  readonly snapshots: boolean;
  /** True if volumes are block devices: `grow` is for those in use too, and the machine is told of it afterwards. */
  readonly devices: boolean;
  /** Makes what the pool needs and checks that it can be used. Idempotent. */
  open(): Promise<void>;
  /** Lets go of helpers; volumes are not touched. */
  close(): Promise<void>;
  /** Bounded in time: a pool that does not answer rejects and holds up nobody else. */
  capacity(): Promise<PoolCapacity>;
  /** Idempotent by id, and atomic: the volume is there whole or not at all. */
  create(id: string, spec: VolumeSpec, options?: TaskOptions): Promise<Volume>;
  /** As `create`, with content that somebody else writes. @throws InnkeeperError `unsupported` if the pool cannot */
  createFilled(id: string, spec: FilledSpec, options?: TaskOptions): Promise<Volume>;
  /** Idempotent; also removes what an interrupted `create` left. The content is lost. */
  remove(id: string): Promise<void>;
  /** Makes a volume larger while nothing uses it (but see `devices`); the present size is success, a smaller one `invalid`. */
  grow(id: string, sizeBytes: number): Promise<Volume>;
  /** Replaces the content, keeping path, format and size; atomic. `from` may be smaller, not larger. */
  overwrite(id: string, from: Source, options?: TaskOptions): Promise<Volume>;
  find(id: string): Promise<Volume | undefined>;
  /** Ids of everything of ours in the pool, including what interrupted tasks left behind. */
  list(): Promise<string[]>;
}
