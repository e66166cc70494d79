// The HTTP API as fastify routes: one per method of the table, the call by name, health and the OpenAPI document.
import type { IncomingMessage } from 'node:http';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyServerFactory,
  LogController,
} from 'fastify';
import type { AgentApi, Caller, MethodDefinition } from '../methods.ts';
import { InnkeeperError } from '../resources/errors.ts';
import { callMethod } from './call.ts';
import { CONSOLE_PROTOCOL } from './console.ts';
import { httpFailure } from './http-errors.ts';
import { openApiDocument } from './openapi.ts';
import { apiPage, PAGE_POLICY } from './page.ts';
import { gatherParameters } from './parameters.ts';
import { addStreams } from './streams.ts';

/** Largest body taken unless told otherwise, in bytes: user data travels in it as base64. */
const BODY_LIMIT = 4 * 1024 * 1024;

/** Who asks, from the first hook on. */
const callers = new WeakMap<IncomingMessage, Caller>();
const callerOfRaw = (request: IncomingMessage): Caller => callers.get(request) as Caller;
const STRANGER = new InnkeeperError('forbidden', 'Nobody is known by the token or certificate given.');

/** What the routes are made of. */
export interface ApiOptions {
  agent: AgentApi;
  /** On whose behalf a request is done; nobody is let in by `undefined`. */
  callerOf: (request: IncomingMessage) => Caller | undefined;
  log: FastifyBaseLogger;
  /** Largest body taken, in bytes; 4 MiB if absent. */
  bodyLimit?: number | undefined;
  /** Gives the server that is there already, and takes what answers its requests. */
  serverFactory?: FastifyServerFactory;
  /** Ends the endless answers when it aborts. */
  closing: AbortSignal;
}

/** The application, not yet listening. */
export function buildApi({
  agent,
  callerOf,
  log,
  closing,
  bodyLimit = BODY_LIMIT,
  serverFactory,
}: ApiOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    routerOptions: { maxParamLength: 256 },
    ...(serverFactory ? { serverFactory } : {}),
  }) as FastifyInstance;
  app.addHook('onRequest', async ({ raw }, reply) => {
    const caller = callerOf(raw);
    if (caller) callers.set(raw, caller);
    else return reply.code(401).header('www-authenticate', 'Bearer').send(httpFailure(STRANGER).body);
  });
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    parseJson(text as string, done);
  });
  // Libraries give even an empty body a type (axios, curl --data ''): nothing is no parameters, whatever it is called.
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => {
    if (text === '') done(null, undefined);
    else done(new InnkeeperError('invalid', 'Parameters are sent as application/json.'));
  });
  app.setErrorHandler((error, request, reply) => {
    const { status, body } = httpFailure(error);
    if (status === 500) request.log.error({ err: error }, 'a request failed by our fault');
    void reply.code(status).send(body);
  });
  app.setNotFoundHandler((request) => {
    throw new InnkeeperError(
      'not-found',
      `There is nothing at ${request.method} ${request.url.slice(0, 200)}.`,
    );
  });
  for (const definition of agent.methods.values()) addMethod(app, agent, definition);
  addCallByName(app, agent);
  addFixed(app, agent);
  addStreams(app, agent, closing);
  return app;
}

/** An empty body means no parameters, whatever its type says. */
function parseJson(text: string, done: (error: Error | null, body?: unknown) => void): void {
  try {
    done(null, text.trim() === '' ? undefined : JSON.parse(text));
  } catch (error) {
    done(new InnkeeperError('invalid', `The body is not JSON: ${(error as Error).message}`, {}, error));
  }
}

function addMethod(app: FastifyInstance, agent: AgentApi, definition: MethodDefinition): void {
  app.route({
    method: definition.http.verb,
    url: definition.http.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    handler: async (request, reply) => {
      const parts = { path: request.params, query: request.query, body: request.body };
      const params = gatherParameters(definition, parts);
      const result = await agent.call(definition.name, params, callerOfRaw(request.raw));
      const accepted = definition.kind === 'operation' && params.wait === false;
      return reply
        .code(accepted ? 202 : 200)
        .type('application/json')
        .send(toJson(result));
    },
  });
}

function addCallByName(app: FastifyInstance, agent: AgentApi): void {
  app.post('/v1/call/:method', async (request, reply) => {
    const { method } = request.params as { method: string };
    const result = await callMethod(agent, method, request.body ?? {}, callerOfRaw(request.raw));
    return reply.type('application/json').send(toJson(result));
  });
}

function addFixed(app: FastifyInstance, agent: AgentApi): void {
  app.get('/healthz', async () => ({ ...agent.health(), agentVersion: agent.hello().agentVersion }));
  app.get('/metrics', async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await agent.metrics()),
  );
  app.get('/', async (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', PAGE_POLICY)
      .send(apiPage(openApiDocument(agent))),
  );
  app.get('/v1/openapi.json', async () => openApiDocument(agent));
  app.get('/v1/vservers/:vserverId/console', async () => {
    throw new InnkeeperError(
      'invalid',
      `A console is opened with "Connection: Upgrade" and "Upgrade: ${CONSOLE_PROTOCOL}".`,
    );
  });
}

/** Every answer is JSON, also one that is nothing or a bare string. */
function toJson(result: unknown): string {
  return JSON.stringify(result ?? null);
}
