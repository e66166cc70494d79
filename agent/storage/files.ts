// The few file operations pools are made of, as one table, so that they can run here or in a helper process.
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';

export interface FileFacts {
  sizeBytes: number;
  /** Permission bits. */
  mode: number;
  regular: boolean;
  uid: number;
  gid: number;
  device: number;
  inode: number;
}

/** undefined where `error` only says that there is nothing of that name. */
function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}

/** stat(2) has no length for block devices; sysfs counts it in sectors of 512 bytes, see makedev(3) for the number. */
async function deviceBytes(device: number): Promise<number> {
  const major = Math.floor(device / 256) % 4096;
  const minor = (device % 256) + Math.floor(device / 2 ** 20) * 256;
  return Number(await fs.readFile(`/sys/dev/block/${major}:${minor}/size`, 'utf8')) * 512;
}

async function facts(path: string): Promise<FileFacts | undefined> {
  const stat = await fs.stat(path).catch(absent);
  if (!stat) return undefined;
  const { size, mode, uid, gid, dev, ino, rdev } = stat;
  return {
    sizeBytes: stat.isBlockDevice() ? await deviceBytes(rdev) : size,
    mode: mode & 0o7777,
    regular: stat.isFile(),
    uid,
    gid,
    device: dev,
    inode: ino,
  };
}

async function synced(path: string): Promise<void> {
  const file = await fs.open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Every operation takes and returns plain values, so that it can cross a process boundary. */
export const fileOperations = {
  async makeDirectory(path: string, mode: number): Promise<void> {
    const first = await fs.mkdir(path, { recursive: true, mode });
    // What was made has this mode, whatever the umask of the service: QEMU's user must be able to pass.
    for (let made = path; first !== undefined && made.length >= first.length; made = dirname(made)) {
      await fs.chmod(made, mode);
    }
  },
  /** Fails unless files can be made and removed in the directory. */
  async checkWritable(path: string): Promise<void> {
    await fs.access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  },
  async space(path: string): Promise<{ totalBytes: number; freeBytes: number }> {
    const { bsize, blocks, bavail } = await fs.statfs(path);
    return { totalBytes: bsize * blocks, freeBytes: bsize * bavail };
  },
  list: (path: string): Promise<string[]> => fs.readdir(path),
  facts,
  /** The first bytes of a regular file; undefined if there is none. */
  async head(path: string, bytes: number): Promise<Uint8Array | undefined> {
    const file = await fs.open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(absent);
    if (!file) return undefined;
    try {
      const { bytesRead, buffer } = await file.read(new Uint8Array(bytes), 0, bytes, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  },
  /** A second name for the same content; whatever had that name before is replaced. */
  async link(from: string, to: string): Promise<void> {
    await fs.unlink(to).catch(absent);
    await fs.link(from, to);
  },
  /** A copy that shares blocks until written; fails where the file system has no such thing. */
  async reflink(from: string, to: string): Promise<void> {
    await fs.unlink(to).catch(absent);
    await fs.copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
  },
  rename: (from: string, to: string): Promise<void> => fs.rename(from, to),
  async remove(path: string): Promise<void> {
    await fs.unlink(path).catch(absent);
  },
  truncate: (path: string, sizeBytes: number): Promise<void> => fs.truncate(path, sizeBytes),
  mode: (path: string, mode: number): Promise<void> => fs.chmod(path, mode),
  owner: (path: string, uid: number, gid: number): Promise<void> => fs.chown(path, uid, gid),
  /** Content (or, for a directory, names) on stable storage. */
  synced,
} as const;

/** The table as its users see it: local, or behind a helper process. */
export type Files = {
  [K in keyof typeof fileOperations]: (
    ...args: Parameters<(typeof fileOperations)[K]>
  ) => ReturnType<(typeof fileOperations)[K]>;
} & {
  /** Ends a helper, if there is one. */
  close(): Promise<void>;
};

/** Carries the operations out in this process. */
export const localFiles: Files = { ...fileOperations, close: async () => {} };
