// The local API: HTTP over a UNIX socket for the innkeeper command and everything else on this host.
import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyBaseLogger } from 'fastify';
import type { AgentApi, Caller } from '../methods.ts';
import { serveConsole } from './console.ts';
import { type ApiOptions, buildApi } from './routes.ts';
import { listenOnSocket } from './unix-socket.ts';

/** Who may open the socket may do everything: the file's mode and group are the lock. */
const LOCAL_CALLER: Caller = { name: 'local', right: 'administer' };
/** Owner and group, nobody else. */
const DEFAULT_MODE = 0o660;

/** How to serve the local API. */
export interface LocalApiOptions {
  agent: AgentApi;
  /** At most 107 bytes; its folder is made if it is not there. */
  socketPath: string;
  log: FastifyBaseLogger;
  /** File mode of the socket; 0660 if absent. */
  mode?: number;
  /** Largest body taken, in bytes; 4 MiB if absent. User data is a third longer there than it is. */
  bodyLimit?: number;
  /** Name or number of the group that owns the socket. */
  group?: string | number;
}

type Serving = Pick<ApiOptions, 'agent' | 'callerOf' | 'log' | 'bodyLimit' | 'https'>;

/** The API with its consoles, brought to its address by `listen`; closing ends open streams and consoles. */
export async function serveApi(
  { agent, callerOf, log, bodyLimit, https }: Serving,
  listen: (server: Server) => Promise<void>,
): Promise<{ server: Server; close(): Promise<void> }> {
  const closing = new AbortController();
  const consoles = new Set<Duplex>();
  const app = buildApi({
    agent,
    callerOf,
    log,
    closing: closing.signal,
    bodyLimit,
    ...(https ? { https } : {}),
  });
  app.server.on('upgrade', (request, socket, head) => {
    consoles.add(socket);
    socket.once('close', () => consoles.delete(socket));
    void serveConsole(agent, callerOf(request), request, socket, head, log);
  });
  await app.ready();
  try {
    await listen(app.server);
  } catch (error) {
    await app.close();
    throw error;
  }
  return {
    server: app.server,
    async close() {
      closing.abort();
      // Stop accepting before hanging up on those inside, or one who redials at once would keep the door open.
      app.server.close();
      app.server.closeAllConnections();
      for (const socket of consoles) socket.destroy();
      await app.close();
    },
  };
}

/**
 * Serves the API on its UNIX socket until closed; closing removes the socket.
 * @throws InnkeeperError `conflict` when another agent answers on the socket, `invalid` for a path that cannot be used
 */
export async function startLocalApi(options: LocalApiOptions): Promise<{ close(): Promise<void> }> {
  const { agent, log, bodyLimit, socketPath, mode = DEFAULT_MODE, group } = options;
  const access = { mode, ...(group === undefined ? {} : { group }) };
  return await serveApi({ agent, log, bodyLimit, callerOf: () => LOCAL_CALLER }, (server) =>
    listenOnSocket(server, socketPath, access),
  );
}
