// Where the agent keeps what on disk, below its state directory.
import { join } from 'node:path';
import type { Config } from './config/config.ts';

/** Folders made at start; QEMU's user must be able to pass through all of them. */
export function folders({ state_dir }: Config) {
  return {
    state: state_dir,
    images: join(state_dir, 'images'),
    media: join(state_dir, 'media'),
    qmp: join(state_dir, 'qmp'),
    saved: join(state_dir, 'saved'),
    tty: join(state_dir, 'tty'),
  };
}

export function inventoryPath({ state_dir }: Config): string {
  return join(state_dir, 'inventory.db');
}

/** Samples of what VServers use; can be deleted while the agent is stopped. */
export function meteringPath({ state_dir }: Config): string {
  return join(state_dir, 'metering.db');
}

export function sealKeyPath({ state_dir }: Config): string {
  return join(state_dir, 'seal.key');
}

/** A VServer's context medium of one kind. */
export function mediumPath(config: Config, vserverId: string, kind: string): string {
  return join(folders(config).media, `${vserverId}-${kind}.iso`);
}

/** Short, for a UNIX socket's name may have 107 bytes only. */
export function qmpPath(config: Config, vserverId: string): string {
  return join(folders(config).qmp, `${vserverId}.qmp`);
}

/** Its screen, in the same folder, which QEMU's user may write to and nobody else look into. */
export function vncPath(config: Config, vserverId: string): string {
  return join(folders(config).qmp, `${vserverId}.vnc`);
}

/** Where its second serial port ends, in a folder for root alone: libvirtd makes the socket and hands it to QEMU. */
export function linePath(config: Config, vserverId: string): string {
  return join(folders(config).tty, vserverId);
}

/** The memory of a saved VServer. */
export function savedPath(config: Config, vserverId: string): string {
  return join(folders(config).saved, `${vserverId}.memory`);
}
