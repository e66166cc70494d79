// The local API: HTTP over a UNIX socket for the innkeeper command and everything else on this host.
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { AgentApi, Caller } from '../methods.ts';
import { serveConsole } from './console.ts';
import type { ApiOptions } from './routes.ts';
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
  /** Descriptor of a socket that listens there already: the service manager's. It outlives this process. */
  activated?: number;
}

type Serving = Pick<ApiOptions, 'agent' | 'callerOf' | 'log' | 'bodyLimit'> & { https?: ServerOptions };

/** Time a client has to send a whole request, in ms; answers may take as long as their operation. */
const REQUEST_TIME = 30_000;
/** Programs that ask now and then, as Prometheus does, keep their connection. */
const IDLE_TIME = 72_000;

/** The API with its consoles, brought to its address by `listen`; closing ends open streams and consoles. */
export async function serveApi(
  { agent, callerOf, log, bodyLimit, https }: Serving,
  listen: (server: Server) => Promise<void>,
): Promise<{ server: Server; close(): Promise<void> }> {
  const closing = new AbortController();
  const consoles = new Set<Duplex>();
  const server = https ? createHttpsServer(https) : createServer();
  server.requestTimeout = REQUEST_TIME;
  server.keepAliveTimeout = IDLE_TIME;
  const routes = lazyRoutes({ agent, callerOf, log, bodyLimit, server, closing: closing.signal });
  server.on('request', routes.handle);
  server.on('upgrade', (request, socket, head) => {
    consoles.add(socket);
    socket.once('close', () => consoles.delete(socket));
    void serveConsole(agent, callerOf(request), request, socket, head, log);
  });
  try {
    await listen(server);
  } catch (error) {
    server.close();
    throw error;
  }
  return {
    server,
    async close() {
      closing.abort();
      // Stop accepting before hanging up on those inside, or one who redials at once would keep the door open.
      server.close();
      server.closeAllConnections();
      for (const socket of consoles) socket.destroy();
      await routes.close();
    },
  };
}

/** The routes are most of the agent's code, and are loaded when somebody asks for one: a host may never do so. */
function lazyRoutes(options: Omit<ApiOptions, 'server'> & { server: Server }) {
  let loading: Promise<{ app: FastifyInstance; handle: RequestListener }> | undefined;
  const load = async () => {
    const { buildApi } = await import('./routes.ts');
    let handle: RequestListener = () => {};
    const app = buildApi({
      ...options,
      serverFactory: (routed) => {
        handle = routed as RequestListener;
        return options.server;
      },
    });
    await app.ready();
    return { app, handle };
  };
  return {
    handle(request: IncomingMessage, response: ServerResponse): void {
      loading ??= load();
      loading.then(
        ({ handle }) => handle(request, response),
        (error) => {
          loading = undefined;
          options.log.error({ err: error }, 'the API cannot be loaded');
          response.writeHead(500).end();
        },
      );
    },
    async close(): Promise<void> {
      const loaded = await loading?.catch(() => undefined);
      await loaded?.app.close();
    },
  };
}

/**
 * Serves the API on its UNIX socket until closed; closing removes the socket, unless it is the service manager's.
 * @throws InnkeeperError `conflict` when another agent answers on the socket, `invalid` for a path that cannot be used
 */
export async function startLocalApi(options: LocalApiOptions): Promise<{ close(): Promise<void> }> {
  const { agent, log, bodyLimit, socketPath, mode = DEFAULT_MODE, group, activated } = options;
  const access = { mode, ...(group === undefined ? {} : { group }) };
  return await serveApi({ agent, log, bodyLimit, callerOf: () => LOCAL_CALLER }, (server) =>
    listenOnSocket(server, socketPath, access, activated),
  );
}
