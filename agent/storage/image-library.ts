// The registered images of a host: complete, checked, and read-only from the moment they have a name.
import { readdir } from 'node:fs/promises';
import { InnkeeperError } from '../resources/errors.ts';
import { type Checksum, checksumOf, parseChecksum } from './checksum.ts';
import { checkAborted } from './child.ts';
import { compressionOf, expand } from './compression.ts';
import { type DownloadLimits, download } from './download.ts';
import { humanBytes, storageError } from './errors.ts';
import { copyFrom, openAllowed } from './file-source.ts';
import { localFiles } from './files.ts';
import { shownUri } from './http-request.ts';
import { DownloadRecord, ImageRecord, readRecord, sourceOf, writeRecord } from './image-record.ts';
import { type InspectLimits, inspectImage } from './inspect.ts';
import { KeyedLock } from './keyed-lock.ts';
import type { DiskFormat, Source, TaskOptions } from './pool.ts';
import { convert } from './qemu-img.ts';
import { checkReachable } from './reachable.ts';
import { checkId, describe } from './volume-files.ts';

export interface ImageLibraryConfig {
  /** Absolute; made if it does not exist. On the file system of a pool, its volumes can be overlays. */
  path: string;
  /** Directories that `file:` sources may come from; default /var/lib/innkeeper/incoming. */
  allowedPaths?: readonly string[];
  /** Largest image file, expanded, in bytes; default 256 GiB. */
  maxFileBytes?: number;
  inspect?: Omit<InspectLimits, 'format'>;
  download?: Omit<DownloadLimits, 'maxBytes' | 'freeBytes'>;
}

export interface ImageSource {
  /** `file:`, `http:` or `https:`. */
  uri: string;
  /** Of the file as it is at `uri`: "sha256:…" or "sha512:…". */
  checksum?: string;
  /** Refused if the content, expanded, turns out to be something else. */
  format?: DiskFormat;
}

export interface RegisteredImage extends Source {
  virtualSizeBytes: number;
  /** Length of the file in the library. */
  fileBytes: number;
  /** As given when it was registered, else the SHA-256 of what came. */
  checksum: string;
}

const DEFAULT_ALLOWED = ['/var/lib/innkeeper/incoming'];
const DEFAULT_MAX_FILE = 256 * 2 ** 30;
/** What one image may have on disk; the first two are the image itself. */
const SUFFIXES = ['qcow2', 'raw', 'json', 'json-new', 'partial', 'expanded', 'download', 'download-new'];
const TEMPORARY = new Set(['json-new', 'partial', 'expanded', 'download', 'download-new']);

/** How content reaches `partial`; the rest of a registration is the same for all. */
type Fetch = (partial: string) => Promise<void>;

export class ImageLibrary {
  readonly path: string;
  readonly #config: ImageLibraryConfig;
  readonly #locks = new KeyedLock();

  constructor(config: ImageLibraryConfig) {
    this.path = config.path.replace(/\/+$/, '');
    this.#config = config;
  }

  /** Makes the directory (0711: QEMU's user passes, nobody lists). */
  async open(): Promise<void> {
    await guarded(`use ${this.path} for images`, async () => {
      await localFiles.makeDirectory(this.path, 0o711);
      await localFiles.checkWritable(this.path);
    });
  }

  /**
   * Fetches, verifies, expands and inspects an image and gives it its name. Idempotent by id. After a crash
   * of the agent a download continues where it was; after an error nothing is left.
   * @throws InnkeeperError `invalid` (checksum, format, bomb, not allowed), `not-found`, `no-capacity`,
   * `conflict` (the id has another source), `internal` (server trouble, I/O), `cancelled`
   */
  register(id: string, source: ImageSource, options: TaskOptions = {}): Promise<RegisteredImage> {
    const { uri } = source;
    const fetch: Fetch = uri.startsWith('file:')
      ? (partial) => this.#copy(uri, partial, options)
      : (partial) => this.#download(id, source, partial, options);
    return this.#register(id, source, fetch, options);
  }

  /** Registers the content of a volume, flattened into a qcow2 that stands alone. Nothing may be writing to it. */
  registerVolume(id: string, volume: Source, options: TaskOptions = {}): Promise<RegisteredImage> {
    const fetch: Fetch = async (partial) => {
      await checkReachable(volume.path);
      const sizeBytes = (await describe(localFiles, volume))?.sizeBytes;
      if (sizeBytes === undefined)
        throw new InnkeeperError('not-found', `There is no volume at ${volume.path}.`);
      await localFiles.remove(partial);
      await convert(volume, { path: partial, format: 'qcow2' }, sizeBytes, options);
    };
    return this.#register(id, { uri: `volume:${volume.path}`, format: 'qcow2' }, fetch, options);
  }

  /** Idempotent. Overlays made from the image keep its content by a name of their own. */
  async remove(id: string): Promise<void> {
    checkId(id);
    await this.#locks.run(id, () => guarded(`remove image ${id}`, () => this.#discard(id, SUFFIXES)));
  }

  async find(id: string): Promise<RegisteredImage | undefined> {
    checkId(id);
    const record = await readRecord(ImageRecord, this.#file(id, 'json'));
    if (!record) return undefined;
    const { format, virtualSizeBytes, fileBytes, checksum } = record;
    const path = this.#file(id, format);
    if (!(await localFiles.facts(path))) return undefined;
    return { path, format, virtualSizeBytes, fileBytes, checksum };
  }

  /** Ids of everything in the library, including what interrupted registrations left. */
  async list(): Promise<string[]> {
    return [...new Set((await this.#names()).map(([id]) => id))].sort();
  }

  /** Removes what interrupted registrations left, except those under way and those of `keep` (to be resumed). */
  async cleanUp(keep: ReadonlySet<string> = new Set()): Promise<void> {
    await guarded(`clean up ${this.path}`, async () => {
      for (const [id, suffix] of await this.#names()) {
        if (keep.has(id) || this.#locks.has(id)) continue;
        const orphan = suffix === 'json' && (await this.find(id)) === undefined;
        if (orphan || TEMPORARY.has(suffix)) await localFiles.remove(this.#file(id, suffix));
      }
    });
  }

  async #register(
    id: string,
    source: ImageSource,
    fetch: Fetch,
    options: TaskOptions,
  ): Promise<RegisteredImage> {
    checkId(id);
    const wanted = source.checksum === undefined ? undefined : parseChecksum(source.checksum);
    return this.#locks.run(id, () =>
      guarded(`register image ${id}`, async () => {
        const present = await this.#present(id, source.uri);
        if (present) return present;
        try {
          const partial = this.#file(id, 'partial');
          await fetch(partial);
          const checksum = await this.#verified(partial, wanted, options.signal);
          const file = await this.#expanded(id, partial, options);
          return await this.#publish(id, file, source, checksum, options);
        } catch (error) {
          // What cannot be removed now must not hide the failure; `cleanUp` finds it.
          await this.#discard(id, SUFFIXES).catch(() => {});
          throw error;
        }
      }),
    );
  }

  async #present(id: string, uri: string): Promise<RegisteredImage | undefined> {
    const image = await this.find(id);
    if (!image) return undefined;
    const record = await readRecord(ImageRecord, this.#file(id, 'json'));
    if (record?.sourceKey === sourceOf(uri).sourceKey) return image;
    throw new InnkeeperError('conflict', `Image ${id} is already registered from ${record?.source}.`);
  }

  async #copy(uri: string, partial: string, options: TaskOptions): Promise<void> {
    const file = await openAllowed(uri, this.#config.allowedPaths ?? DEFAULT_ALLOWED);
    try {
      const { size } = await file.stat();
      const most = this.#config.maxFileBytes ?? DEFAULT_MAX_FILE;
      if (size > most)
        throw new InnkeeperError('invalid', `The image is larger than the ${humanBytes(most)} allowed.`);
      await localFiles.remove(partial);
      await guarded(`copy ${shownUri(uri)}`, () => copyFrom(file, partial, options), size);
    } finally {
      await file.close();
    }
  }

  async #download(
    id: string,
    { uri, checksum }: ImageSource,
    partial: string,
    options: TaskOptions,
  ): Promise<void> {
    const { sourceKey } = sourceOf(uri);
    const recordPath = this.#file(id, 'download');
    const before = await readRecord(DownloadRecord, recordPath);
    await download({
      ...options,
      uri,
      path: partial,
      // After a power cut the bytes may not be what they were: only a checksum can tell.
      state: checksum !== undefined && before?.sourceKey === sourceKey ? before : {},
      limits: {
        ...this.#config.download,
        maxBytes: this.#config.maxFileBytes ?? DEFAULT_MAX_FILE,
        freeBytes: async () => (await localFiles.space(this.path)).freeBytes,
      },
      remember: (state) => writeRecord(recordPath, { ...state, sourceKey }),
    });
  }

  async #verified(partial: string, wanted: Checksum | undefined, signal?: AbortSignal): Promise<Checksum> {
    const found = await checksumOf(partial, wanted, signal);
    if (wanted === undefined || wanted === found) return found;
    throw new InnkeeperError('invalid', `The image's checksum is ${found}, not ${wanted} as announced.`);
  }

  /** Expands a compressed file once; returns the path of what is then to be inspected. */
  async #expanded(id: string, partial: string, options: TaskOptions): Promise<string> {
    const compression = compressionOf((await localFiles.head(partial, 16)) ?? new Uint8Array());
    if (!compression) return partial;
    const expanded = this.#file(id, 'expanded');
    await localFiles.remove(expanded);
    await expand(compression, partial, expanded, this.#config.maxFileBytes ?? DEFAULT_MAX_FILE, options);
    await localFiles.remove(partial);
    if (compressionOf((await localFiles.head(expanded, 16)) ?? new Uint8Array())) {
      throw new InnkeeperError('invalid', 'The image is compressed twice.');
    }
    return expanded;
  }

  /** The record first, then the image's name: an image is there exactly when both are. */
  async #publish(
    id: string,
    file: string,
    { uri, format: announced }: ImageSource,
    checksum: Checksum,
    options: TaskOptions,
  ): Promise<RegisteredImage> {
    await localFiles.mode(file, 0o444);
    const facts = await inspectImage(file, {
      ...this.#config.inspect,
      ...(announced ? { format: announced } : {}),
    });
    const fileBytes = (await localFiles.facts(file))?.sizeBytes ?? 0;
    await localFiles.synced(file);
    checkAborted(options.signal);
    await writeRecord(this.#file(id, 'json'), { ...sourceOf(uri), ...facts, fileBytes, checksum });
    const path = this.#file(id, facts.format);
    await localFiles.rename(file, path);
    await localFiles.synced(this.path);
    await this.#discard(id, ['partial', 'download']);
    return { path, ...facts, fileBytes, checksum };
  }

  #file(id: string, suffix: string): string {
    return `${this.path}/${id}.${suffix}`;
  }

  async #discard(id: string, suffixes: readonly string[]): Promise<void> {
    for (const suffix of suffixes) await localFiles.remove(this.#file(id, suffix));
  }

  /** [id, suffix] of each file of ours. */
  async #names(): Promise<[string, string][]> {
    const names = await guarded(`list ${this.path}`, () => readdir(this.path));
    return names.flatMap((name) => {
      const [id, suffix, more] = name.split('.');
      return id && suffix && more === undefined && SUFFIXES.includes(suffix)
        ? [[id, suffix] as [string, string]]
        : [];
    });
  }
}

async function guarded<T>(what: string, task: () => Promise<T>, needBytes?: number): Promise<T> {
  try {
    return await task();
  } catch (error) {
    throw storageError(error, { what, ...(needBytes === undefined ? {} : { needBytes }) });
  }
}
