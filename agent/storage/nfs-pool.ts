// A pool on an NFS export: a directory pool that insists on its mount and works through a helper.

import { InnkeeperError } from '../resources/errors.ts';
import { inHostMounts } from '../service-manager/host-mounts.ts';
import { run } from './child.ts';
import { DirectoryPool, type DirectoryPoolConfig } from './directory-pool.ts';
import { storageError } from './errors.ts';
import { checkMounted, isMounted } from './mounts.ts';

export interface NfsPoolConfig extends Pick<DirectoryPoolConfig, 'name' | 'path' | 'clone' | 'helper'> {
  kind: 'nfs';
  /** "server:/export", as in fstab. */
  source: string;
  /** Mount options; default "hard,timeo=100,noatime,nosuid,nodev". */
  options?: string;
}

/** Mounts `source` on `path`. Where it is done must be where QEMU sees it. */
export type Mounter = (source: string, path: string, options: string) => Promise<void>;

/** `hard`, because a soft mount turns a slow server into corrupted disks. */
const DEFAULT_OPTIONS = 'hard,timeo=100,noatime,nosuid,nodev';
const MOUNT_TIMEOUT_MS = 60_000;

/** mount(8), where the whole host sees it. */
const mountHere: Mounter = async (source, path, options) => {
  await run('mkdir', ['-p', '--', path], { timeoutMs: MOUNT_TIMEOUT_MS });
  const [command, args] = inHostMounts('mount', ['-t', 'nfs', '-o', options, '--', source, path]);
  await run(command, args, { timeoutMs: MOUNT_TIMEOUT_MS });
};

export class NfsPool extends DirectoryPool {
  override readonly kind = 'nfs';
  readonly #config: NfsPoolConfig;
  readonly #mount: Mounter;

  /** @throws InnkeeperError `invalid` */
  constructor(config: NfsPoolConfig, mount: Mounter = mountHere) {
    const { name, path, clone, helper, source, options } = config;
    if (!/^[^\s:/-][^\s/]*:\/[^\s]*$/.test(source) || !/^[^\s-][^\s]*$/.test(options ?? DEFAULT_OPTIONS)) {
      throw new InnkeeperError('invalid', `Pool ${name}: "${source}" is no NFS source such as nas:/export.`);
    }
    const optional = { ...(clone ? { clone } : {}), ...(helper ? { helper } : {}) };
    super({ name, path, remote: true, requireMount: source, ...optional });
    this.#config = config;
    this.#mount = mount;
  }

  /** Mounts the export unless it is mounted already. @throws InnkeeperError `internal` with what mount said */
  override async open(): Promise<void> {
    const { source, options } = this.#config;
    if (!(await isMounted(this.path, source))) {
      try {
        await this.#mount(source, this.path, options ?? DEFAULT_OPTIONS);
      } catch (error) {
        throw storageError(error, { what: `mount ${source} for pool ${this.name}` });
      }
      await checkMounted(this.name, this.path, source);
    }
    await super.open();
  }
}
