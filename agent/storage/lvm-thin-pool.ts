// A pool of thin logical volumes: raw block devices, instant point-in-time copies, no file system between.
import { InnkeeperError } from '../resources/errors.ts';
import { checkFits, fitting, sameSize, shrinkRefused, volumeAbsent } from './checks.ts';
import { checkAborted, run } from './child.ts';
import { storageError } from './errors.ts';
import { localFiles } from './files.ts';
import { KeyedLock } from './keyed-lock.ts';
import { type LogicalVolume, Lvm, type Runner } from './lvm.ts';
import type { Pool, PoolCapacity, Source, TaskOptions, Volume, VolumeSpec } from './pool.ts';
import { convertInto } from './qemu-img.ts';
import { checkId } from './volume-files.ts';

export interface LvmThinPoolConfig {
  name: string;
  kind: 'lvm-thin';
  volumeGroup: string;
  /** Thin pool in that group; the operator makes it (lvcreate --type thin-pool). */
  thinPool: string;
}

/** LVM rounds up to extents; 4 MiB is its default, and sizes in whole ones are the same everywhere. */
const EXTENT = 4 * 2 ** 20;
/** A thin pool whose metadata is full stops all its volumes: nothing is promised beyond this. */
const METADATA_FULL_PERCENT = 90;

/** `ID.partial` is not finished; `ID.old` is the content before an `overwrite` that was interrupted. */
const names = (id: string) => ({ partial: `${id}.partial`, old: `${id}.old` });

export class LvmThinPool implements Pool {
  readonly name: string;
  readonly kind = 'lvm-thin';
  readonly snapshots = true;
  readonly devices = true;
  readonly #config: LvmThinPoolConfig;
  readonly #lvm: Lvm;
  readonly #runner: Runner;
  readonly #locks = new KeyedLock();

  constructor(config: LvmThinPoolConfig, runner: Runner = run) {
    for (const name of [config.volumeGroup, config.thinPool]) {
      if (!/^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,126}$/.test(name)) {
        throw new InnkeeperError('invalid', `"${name}" is no name of LVM (pool ${config.name}).`);
      }
    }
    this.name = config.name;
    this.#config = config;
    this.#lvm = new Lvm(config.volumeGroup, config.thinPool, runner);
    this.#runner = runner;
  }

  /** Checks that the thin pool is there. */
  async open(): Promise<void> {
    await this.capacity();
  }

  async close(): Promise<void> {}

  async capacity(): Promise<PoolCapacity> {
    const { volumeGroup, thinPool } = this.#config;
    const all = await this.#guard('ask for its space', () => this.#lvm.list());
    const pool = all.find(({ name }) => name === thinPool);
    if (pool?.dataPercent === undefined) {
      throw new InnkeeperError(
        'not-found',
        `There is no thin pool ${thinPool} in volume group ${volumeGroup}.`,
      );
    }
    const full = (pool.metadataPercent ?? 0) >= METADATA_FULL_PERCENT;
    const freeBytes = full ? 0 : Math.floor(pool.sizeBytes * (1 - pool.dataPercent / 100));
    return { totalBytes: pool.sizeBytes, freeBytes };
  }

  /** A volume of this pool is copied by a snapshot; other content is written into a new volume. */
  async create(id: string, spec: VolumeSpec, options: TaskOptions = {}): Promise<Volume> {
    const sizeBytes = wholeExtents(spec.sizeBytes);
    return this.#task(id, 'create', sizeBytes, async (all) => {
      const present = this.#volume(all, id);
      if (present) return sameSize(id, present, sizeBytes);
      await this.#prepare(id, sizeBytes, spec.from, options, all);
      await this.#lvm.rename(names(id).partial, id);
      return this.#described(id, sizeBytes);
    });
  }

  /** A running machine may open the devices it was given, and no others. @throws InnkeeperError `unsupported` */
  async createFilled(id: string): Promise<Volume> {
    const why = `Pool ${this.name} takes backups of running VServers only from VDisks of its own.`;
    throw new InnkeeperError('unsupported', why, { vdisk: id });
  }

  async remove(id: string): Promise<void> {
    await this.#task(id, 'remove', undefined, async (all) => {
      const { partial, old } = names(id);
      for (const name of [id, partial, old]) await this.#removed(all, name);
    });
  }

  async grow(id: string, sizeBytes: number): Promise<Volume> {
    const wanted = wholeExtents(sizeBytes);
    return this.#task(id, 'grow', wanted, async (all) => {
      const volume = this.#volume(all, id) ?? volumeAbsent(id);
      if (volume.sizeBytes > wanted) shrinkRefused(id, volume.sizeBytes, wanted);
      if (volume.sizeBytes < wanted) await this.#lvm.extend(id, wanted);
      return this.#described(id, wanted);
    });
  }

  /** The old content keeps a name until the new one has the right one; `#recovered` finishes what was cut off. */
  async overwrite(id: string, from: Source, options: TaskOptions = {}): Promise<Volume> {
    return this.#task(id, 'overwrite', undefined, async (all) => {
      const { sizeBytes } = this.#volume(all, id) ?? volumeAbsent(id);
      const { partial, old } = names(id);
      await this.#prepare(id, sizeBytes, from, options, all);
      await this.#lvm.rename(id, old);
      await this.#lvm.rename(partial, id);
      await this.#lvm.remove(old);
      return this.#described(id, sizeBytes);
    });
  }

  async find(id: string): Promise<Volume | undefined> {
    checkId(id);
    const all = await this.#guard(`look for volume ${id}`, () => this.#lvm.list());
    return this.#volume(all, id);
  }

  async list(): Promise<string[]> {
    const all = await this.#guard('list its volumes', () => this.#lvm.list());
    const ids = all.flatMap(({ name, ours }) => (ours ? [name.replace(/\.(partial|old)$/, '')] : []));
    return [...new Set(ids)].sort();
  }

  /** Makes `ID.partial` with the content; takes it away again if that fails. */
  async #prepare(
    id: string,
    sizeBytes: number,
    source: Source | undefined,
    options: TaskOptions,
    all: LogicalVolume[],
  ): Promise<void> {
    const { partial } = names(id);
    const origin = source && all.find(({ name, ours }) => ours && this.#lvm.device(name) === source.path);
    if (origin) checkFits(this.#described(origin.name, origin.sizeBytes), sizeBytes);
    const from = source && !origin ? await fitting(localFiles, source, sizeBytes) : undefined;
    await this.#removed(all, partial);
    try {
      checkAborted(options.signal);
      if (origin) {
        await this.#lvm.snapshot(partial, origin.name);
        if (origin.sizeBytes < sizeBytes) await this.#lvm.extend(partial, sizeBytes);
      } else {
        await this.#lvm.create(partial, sizeBytes);
        const to = { path: this.#lvm.device(partial), format: 'raw' } as const;
        if (from) await convertInto(from, to, from.sizeBytes, options, this.#runner);
      }
      checkAborted(options.signal);
    } catch (error) {
      // What cannot be removed now must not hide the failure; it is listed and removed by the next call.
      await this.#lvm
        .list()
        .then((now) => this.#removed(now, partial))
        .catch(() => {});
      throw error;
    }
  }

  async #removed(all: LogicalVolume[], name: string): Promise<void> {
    if (all.some((volume) => volume.ours && volume.name === name)) await this.#lvm.remove(name);
  }

  /** Brings back the old content of an `overwrite` that was interrupted between its two renames. */
  async #recovered(id: string): Promise<LogicalVolume[]> {
    const all = await this.#lvm.list();
    const { old } = names(id);
    const has = (name: string) => all.some((volume) => volume.ours && volume.name === name);
    if (!has(old)) return all;
    if (has(id)) await this.#lvm.remove(old);
    else await this.#lvm.rename(old, id);
    return this.#lvm.list();
  }

  #volume(all: LogicalVolume[], id: string): Volume | undefined {
    const found = all.find(({ name, ours }) => ours && name === id);
    return found && this.#described(id, found.sizeBytes);
  }

  #described(id: string, sizeBytes: number): Volume {
    return { path: this.#lvm.device(id), format: 'raw', sizeBytes };
  }

  #task<T>(
    id: string,
    verb: string,
    needBytes: number | undefined,
    task: (all: LogicalVolume[]) => Promise<T>,
  ): Promise<T> {
    checkId(id);
    return this.#locks.run(id, () =>
      this.#guard(`${verb} volume ${id}`, async () => task(await this.#recovered(id)), needBytes),
    );
  }

  async #guard<T>(what: string, task: () => Promise<T>, needBytes?: number): Promise<T> {
    try {
      return await task();
    } catch (error) {
      const doing = {
        what: `${what} (pool ${this.name})`,
        ...(needBytes === undefined ? {} : { needBytes }),
      };
      throw storageError(error, doing);
    }
  }
}

/** @throws InnkeeperError `invalid` */
function wholeExtents(sizeBytes: number): number {
  if (Number.isSafeInteger(sizeBytes) && sizeBytes > 0) return Math.ceil(sizeBytes / EXTENT) * EXTENT;
  throw new InnkeeperError('invalid', `${sizeBytes} cannot be the size of a volume in bytes.`);
}
