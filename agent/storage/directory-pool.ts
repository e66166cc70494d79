// A pool of files in a directory: local, or on a mounted network file system.
import { InnkeeperError } from '../resources/errors.ts';
import { fitting, sameSize, shrinkRefused, volumeAbsent } from './checks.ts';
import { checkAborted } from './child.ts';
import { storageError } from './errors.ts';
import { type Files, localFiles } from './files.ts';
import { KeyedLock } from './keyed-lock.ts';
import { checkMounted, isRemote, mountOf, readMounts } from './mounts.ts';
import type { FilledSpec, Pool, PoolCapacity, Source, TaskOptions, Volume, VolumeSpec } from './pool.ts';
import { blank, type ClonePolicy, clone, copied, type Provision } from './provision.ts';
import { resize } from './qemu-img.ts';
import { type RemoteFilesOptions, remoteFiles } from './remote-files.ts';
import { findVolume, idOf, type VolumePaths, volumePaths } from './volume-files.ts';

export interface DirectoryPoolConfig {
  name: string;
  kind: 'directory';
  /** Absolute; made if it does not exist (0711, so that QEMU's user can pass but not list). */
  path: string;
  /** Default `overlay`. */
  clone?: ClonePolicy;
  /** File operations in a helper process with time limits. Default: as the kind of file system asks. */
  remote?: boolean;
  helper?: Omit<RemoteFilesOptions, 'pool'>;
  /** The path must be a mount point (of this source, if a text): an unplugged disk is then an error, not the root disk. */
  requireMount?: boolean | string;
}

const SECTOR = 512;

export class DirectoryPool implements Pool {
  readonly name: string;
  readonly kind: string = 'directory';
  readonly snapshots = false;
  readonly devices = false;
  readonly path: string;
  readonly #config: Omit<DirectoryPoolConfig, 'kind'>;
  readonly #locks = new KeyedLock();
  #files: Promise<Files> | undefined;

  constructor(config: Omit<DirectoryPoolConfig, 'kind'>) {
    if (!config.path.startsWith('/')) {
      throw new InnkeeperError('invalid', `The path of pool ${config.name} must be absolute.`);
    }
    this.name = config.name;
    this.path = config.path.replace(/\/+$/, '');
    this.#config = config;
  }

  async open(): Promise<void> {
    await this.#guard(`use the directory ${this.path} for pool ${this.name}`, async (files) => {
      await files.makeDirectory(this.path, 0o711);
      await files.checkWritable(this.path);
    });
  }

  async close(): Promise<void> {
    const files = await this.#files;
    this.#files = undefined;
    await files?.close();
  }

  capacity(): Promise<PoolCapacity> {
    return this.#guard(`ask pool ${this.name} for its space`, (files) => files.space(this.path));
  }

  async create(id: string, spec: VolumeSpec, options: TaskOptions = {}): Promise<Volume> {
    return this.#create(id, spec, options, async () => {});
  }

  async createFilled(id: string, spec: FilledSpec, options: TaskOptions = {}): Promise<Volume> {
    return this.#create(id, spec, options, async ({ files, paths }, format) => {
      const owner = await files.facts(spec.writer.path);
      await files.mode(paths.partial, 0o600);
      if (owner) await files.owner(paths.partial, owner.uid, owner.gid);
      await spec.fill({ path: paths.partial, format });
      await files.owner(paths.partial, 0, 0);
    });
  }

  async remove(id: string): Promise<void> {
    return this.#task(id, 'remove', undefined, async (files, { qcow2, raw, partial, base }) => {
      // The base goes last: as long as an overlay is there, so is what it builds on.
      for (const path of [qcow2, raw, partial, base]) await files.remove(path);
    });
  }

  async grow(id: string, sizeBytes: number): Promise<Volume> {
    const wanted = wholeSectors(sizeBytes);
    return this.#task(id, 'grow', wanted, async (files, paths) => {
      const volume = (await findVolume(files, paths)) ?? volumeAbsent(id);
      if (volume.sizeBytes === wanted) return volume;
      if (volume.sizeBytes > wanted) shrinkRefused(id, volume.sizeBytes, wanted);
      await resize(volume, wanted);
      await files.synced(volume.path);
      return { ...volume, sizeBytes: wanted };
    });
  }

  async overwrite(id: string, source: Source, options: TaskOptions = {}): Promise<Volume> {
    return this.#task(id, 'overwrite', undefined, async (files, paths) => {
      const volume = (await findVolume(files, paths)) ?? volumeAbsent(id);
      const task: Provision = { files, paths, sizeBytes: volume.sizeBytes, options };
      const from = await fitting(files, source, volume.sizeBytes);
      await files.remove(paths.partial);
      let written: Volume;
      try {
        await copied(task, from, volume.format);
        checkAborted(options.signal);
        written = await this.#publish(task, volume.format);
      } catch (error) {
        await discard(files, paths.partial);
        throw error;
      }
      await files.remove(paths.base);
      return written;
    });
  }

  async find(id: string): Promise<Volume | undefined> {
    const paths = volumePaths(this.path, id);
    return this.#guard(`look for volume ${id} in pool ${this.name}`, (files) => findVolume(files, paths));
  }

  async list(): Promise<string[]> {
    const names = await this.#guard(`list pool ${this.name}`, (files) => files.list(this.path));
    return [...new Set(names.flatMap((name) => idOf(name) ?? []))].sort();
  }

  /** `fill` completes what is in `ID.partial` before it gets its name. */
  #create(
    id: string,
    spec: VolumeSpec,
    options: TaskOptions,
    fill: (task: Provision, format: Volume['format']) => Promise<void>,
  ): Promise<Volume> {
    const sizeBytes = wholeSectors(spec.sizeBytes);
    return this.#task(id, 'create', sizeBytes, async (files, paths) => {
      const present = await findVolume(files, paths);
      if (present) return sameSize(id, present, sizeBytes);
      const task: Provision = { files, paths, sizeBytes, options };
      const from = spec.from && (await fitting(files, spec.from, sizeBytes));
      await files.remove(paths.partial);
      try {
        const format = from ? await clone(task, from, this.#config.clone ?? 'overlay') : await blank(task);
        await fill(task, format);
        checkAborted(options.signal);
        return await this.#publish(task, format);
      } catch (error) {
        await discard(files, paths.partial, paths.base);
        throw error;
      }
    });
  }

  /** Makes the finished temporary file the volume: durable content first, then the name, then the name durable. */
  async #publish({ files, paths, sizeBytes }: Provision, format: Volume['format']): Promise<Volume> {
    await files.mode(paths.partial, 0o600);
    await files.synced(paths.partial);
    await files.rename(paths.partial, paths[format]);
    await files.synced(this.path);
    return (await findVolume(files, paths)) ?? { path: paths[format], format, sizeBytes };
  }

  /** One task after the other per volume, with errors that name it. */
  #task<T>(
    id: string,
    verb: string,
    needBytes: number | undefined,
    task: (files: Files, paths: VolumePaths) => Promise<T>,
  ): Promise<T> {
    const paths = volumePaths(this.path, id);
    const what = `${verb} volume ${id} in pool ${this.name}`;
    return this.#locks.run(id, () => this.#guard(what, (files) => task(files, paths), needBytes));
  }

  async #guard<T>(what: string, task: (files: Files) => Promise<T>, needBytes?: number): Promise<T> {
    try {
      const { requireMount } = this.#config;
      if (requireMount)
        await checkMounted(this.name, this.path, requireMount === true ? undefined : requireMount);
      this.#files ??= this.#choose();
      return await task(await this.#files);
    } catch (error) {
      throw storageError(error, { what, ...(needBytes === undefined ? {} : { needBytes }) });
    }
  }

  async #choose(): Promise<Files> {
    const remote = this.#config.remote ?? isRemote(mountOf(await readMounts(), this.path));
    return remote ? remoteFiles({ ...this.#config.helper, pool: this.name }) : localFiles;
  }
}

/** @throws InnkeeperError `invalid` for what cannot be a size */
export function wholeSectors(sizeBytes: number): number {
  if (Number.isSafeInteger(sizeBytes) && sizeBytes > 0) return Math.ceil(sizeBytes / SECTOR) * SECTOR;
  throw new InnkeeperError('invalid', `${sizeBytes} cannot be the size of a volume in bytes.`);
}

/** Clears away after a failure; what cannot be cleared now (a dead server) must not hide the failure, and is listed. */
async function discard(files: Files, ...leftovers: string[]): Promise<void> {
  for (const path of leftovers) await files.remove(path).catch(() => {});
}
