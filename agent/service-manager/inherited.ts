// The sockets that the service manager started this process with (sd_listen_fds(3)).
import { closeSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';

/** Standard input, output and error come first. */
const FIRST = 3;

export interface InheritedSocket {
  name: string;
  descriptor: number;
}

/**
 * Reads LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID, and takes them out of `env`, so that no child believes they are its
 * own. Node has seen to it that no child gets the descriptors.
 */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid = process.pid): InheritedSocket[] {
  const { LISTEN_FDS, LISTEN_FDNAMES = '', LISTEN_PID } = env;
  delete env.LISTEN_FDS;
  delete env.LISTEN_FDNAMES;
  delete env.LISTEN_PID;
  if (LISTEN_PID !== String(pid) || !/^\d{1,6}$/.test(LISTEN_FDS ?? '')) return [];
  const names = LISTEN_FDNAMES.split(':');
  return Array.from({ length: Number(LISTEN_FDS) }, (_, index) => ({
    name: names[index] ?? '',
    descriptor: FIRST + index,
  }));
}

/** The path that an inherited UNIX socket is bound to; undefined for anything else (proc(5), /proc/net/unix). */
export async function pathOf(descriptor: number): Promise<string | undefined> {
  const link = await readlink(`/proc/self/fd/${descriptor}`).catch(() => '');
  const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
  if (inode === undefined) return undefined;
  const lines = (await readFile('/proc/net/unix', 'utf8')).split('\n');
  // Num RefCount Protocol Flags Type St Inode Path
  const fields = lines.map((line) => line.trim().split(/ +/)).find((line) => line[6] === inode);
  return fields?.[7];
}

/**
 * The descriptor of the socket that is bound to `path`; the others are closed, for nobody would ever answer on them.
 */
export async function activatedSocket(
  sockets: readonly InheritedSocket[],
  path: string,
): Promise<number | undefined> {
  let found: number | undefined;
  for (const { descriptor } of sockets) {
    if (found === undefined && (await pathOf(descriptor)) === path) found = descriptor;
    else closeSync(descriptor);
  }
  return found;
}
