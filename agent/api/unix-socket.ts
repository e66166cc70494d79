// Binding the local API's UNIX socket: never twice, never over something that is no socket, never open to all.
import { once } from 'node:events';
import { chmod, chown, lstat, mkdir, readFile, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { InnkeeperError } from '../resources/errors.ts';

/** sockaddr_un.sun_path of Linux holds 108 bytes with its closing zero (unix(7)). */
const LONGEST_PATH = 107;
/** Time a silent owner of the socket gets to accept before it counts as alive but busy, in ms. */
const PROBE_TIME = 2000;

/** Who may connect. */
export interface SocketAccess {
  /** File mode; connecting needs write permission. */
  mode: number;
  /** Name or number of the group that owns the socket; the process's own group if absent. */
  group?: string | number;
}

/**
 * Makes `server` listen on `path`, removing a socket that nobody answers on any more.
 * @param activated a descriptor that listens on `path` already, instead
 * @throws InnkeeperError `conflict` when another agent lives there, `invalid` when the path cannot be used
 */
export async function listenOnSocket(
  server: Server,
  path: string,
  access: SocketAccess,
  activated?: number,
): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new InnkeeperError('invalid', `The socket path ${path} is longer than ${LONGEST_PATH} bytes.`);
  }
  if (activated === undefined) {
    await mkdir(dirname(path), { recursive: true });
    await clearStale(path);
    await bind(server, path);
  } else {
    server.listen({ fd: activated });
    await once(server, 'listening');
  }
  if (access.group !== undefined) await chown(path, -1, await groupNumber(access.group));
  await chmod(path, access.mode);
}

/** The socket is created closed to everyone and opened by chmod only once it belongs to the right group. */
function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(
        taken ? occupied(path) : new InnkeeperError('invalid', `Cannot listen on ${path}: ${error.message}`),
      );
    });
    const umask = process.umask(0o177);
    try {
      server.listen(path, resolve);
    } finally {
      process.umask(umask);
    }
  });
}

/** Removes what a dead agent left; a socket that accepts, or something that is no socket, stays. */
async function clearStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) {
    throw new InnkeeperError(
      'invalid',
      `${path} exists and is no socket; remove it or configure another path.`,
    );
  }
  if (await answers(path)) throw occupied(path);
  await unlink(path);
}

function occupied(path: string): InnkeeperError {
  return new InnkeeperError(
    'conflict',
    `Another agent already answers on ${path}; stop it or use another socket.`,
  );
}

/** True unless the kernel says that nobody listens; a full backlog or a slow owner is a live owner. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const done = (alive: boolean) => {
      probe.destroy();
      resolve(alive);
    };
    probe.once('connect', () => done(true));
    probe.once('error', (error: NodeJS.ErrnoException) =>
      done(!['ECONNREFUSED', 'ENOENT'].includes(error.code ?? '')),
    );
    probe.setTimeout(PROBE_TIME, () => done(true));
  });
}

/** Number of a group from /etc/group (group(5)). */
async function groupNumber(group: string | number): Promise<number> {
  if (typeof group === 'number') return group;
  const lines = (await readFile('/etc/group', 'utf8')).split('\n').map((line) => line.split(':'));
  const number = Number.parseInt(lines.find(([name]) => name === group)?.[2] ?? '', 10);
  if (Number.isInteger(number)) return number;
  throw new InnkeeperError('invalid', `There is no group "${group}" on this host to own the socket.`);
}
