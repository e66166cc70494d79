// Which file system a path is on, from the kernel's table of mounts, without touching the path itself.
import { readFile } from 'node:fs/promises';
import { InnkeeperError } from '../resources/errors.ts';

export interface Mount {
  mountPoint: string;
  type: string;
  source: string;
}

/** File systems whose server can be away; calls on them may then hang for ever. */
const REMOTE = /^(nfs4?|cifs|smb3?|smbfs|ceph|glusterfs|lustre|9p|afs|gfs2|ocfs2|beegfs|fuse(\..+)?)$/;

/** Octal escapes (space, tab, newline, backslash) of proc(5). */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Parses /proc/self/mountinfo, see proc(5). */
export function parseMountInfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [left, right] = line.split(' - ');
    const mountPoint = left?.split(' ')[4];
    const [type, source] = right?.split(' ') ?? [];
    if (mountPoint === undefined || type === undefined || source === undefined) return [];
    return [{ mountPoint: unescapeOctal(mountPoint), type, source: unescapeOctal(source) }];
  });
}

/** The mount that holds `path`: the longest mount point above it, the last one mounted there. */
export function mountOf(mounts: Mount[], path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const prefix = mount.mountPoint === '/' ? '/' : `${mount.mountPoint}/`;
    if (!`${path}/`.startsWith(prefix)) continue;
    if (!best || mount.mountPoint.length >= best.mountPoint.length) best = mount;
  }
  return best;
}

export function isRemote(mount: Mount | undefined): boolean {
  return mount !== undefined && REMOTE.test(mount.type);
}

export async function readMounts(): Promise<Mount[]> {
  return parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** True if something is mounted exactly at `path`, and it is `source` where that is said. */
export async function isMounted(path: string, source?: string): Promise<boolean> {
  const mount = mountOf(await readMounts(), path);
  return mount?.mountPoint === path && (source === undefined || mount.source === source);
}

/**
 * Refuses to go on without the mount: volumes would silently land on the host's own disk.
 * @throws InnkeeperError `internal`
 */
export async function checkMounted(pool: string, path: string, source?: string): Promise<void> {
  if (await isMounted(path, source)) return;
  const message = `Pool ${pool} is not there: ${source ?? 'nothing'} is ${source ? 'not ' : ''}mounted on ${path}. Mount it again.`;
  throw new InnkeeperError('internal', message);
}
