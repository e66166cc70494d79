// The door of the storage folder: pools, volumes, registered images.
import { DirectoryPool, type DirectoryPoolConfig } from './directory-pool.ts';
import { LvmThinPool, type LvmThinPoolConfig } from './lvm-thin-pool.ts';
import { NfsPool, type NfsPoolConfig } from './nfs-pool.ts';
import type { Pool } from './pool.ts';

export type { DirectoryPoolConfig } from './directory-pool.ts';
export {
  ImageLibrary,
  type ImageLibraryConfig,
  type ImageSource,
  type RegisteredImage,
} from './image-library.ts';
export { type ImageFacts, type InspectLimits, inspectImage } from './inspect.ts';
export type {
  DiskFormat,
  FilledSpec,
  Pool,
  PoolCapacity,
  Progress,
  Source,
  TaskOptions,
  Volume,
  VolumeSpec,
} from './pool.ts';
export type { ClonePolicy } from './provision.ts';
export { reservable, type SpaceQuestion } from './reservable.ts';

/** What the configuration file may say of a pool. */
export type PoolConfig = DirectoryPoolConfig | NfsPoolConfig | LvmThinPoolConfig;

/**
 * Makes the pool of a configuration entry; nothing is touched before `open`.
 * @throws InnkeeperError `invalid`
 */
export function openPool(config: PoolConfig): Pool {
  switch (config.kind) {
    case 'directory':
      return new DirectoryPool(config);
    case 'nfs':
      return new NfsPool(config);
    case 'lvm-thin':
      return new LvmThinPool(config);
  }
}
