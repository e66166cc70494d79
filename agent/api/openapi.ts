// The OpenAPI 3.1 document of the local API, made from the table of methods; nothing in it is written twice.
import type { TSchema } from '@sinclair/typebox';
import type { AgentApi, MethodDefinition } from '../methods.ts';
import { ERROR_CODES } from '../resources/errors.ts';
import { HTTP_STATUS } from './http-errors.ts';
import { pathParameters } from './parameters.ts';
import { namedSchemas } from './schema-components.ts';

type Json = Record<string, unknown>;

/** Verbs whose parameters travel in the query because a body has no meaning with them (RFC 9110, 9.3.1 and 9.3.5). */
const WITHOUT_BODY = new Set(['GET', 'DELETE']);

/** The document; plain JSON. */
export function openApiDocument(agent: AgentApi): Json {
  const paths: Record<string, Json> = {};
  for (const definition of agent.methods.values()) {
    const { path, verb } = definition.http;
    paths[path] = { ...paths[path], [verb.toLowerCase()]: operation(definition) };
  }
  const { document, schemas } = namedSchemas(paths);
  const all = { ...document, ...fixedPaths() };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Innkeeper local API',
      version: agent.hello().agentVersion,
      description: 'VServers, VDisks, VNICs and VNets of one host.',
      contact: { name: 'The operator of this host' },
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://localhost', description: 'Over the UNIX socket of the agent.' }],
    tags: tagsOf(all).map((name) => ({ name })),
    paths: all,
    components: { schemas: { ...schemas, Error: errorSchema() }, responses: { Failure: failure() } },
  };
}

/** Names of the groups in the order of their first operation. */
function tagsOf(paths: Json): string[] {
  const operations = Object.values(paths).flatMap((verbs) => Object.values(verbs as Record<string, Json>));
  return [...new Set(operations.flatMap(({ tags }) => tags as string[]))];
}

function operation(definition: MethodDefinition): Json {
  const inPath = new Set(pathParameters(definition.http.path));
  const properties: Record<string, TSchema> = definition.params.properties ?? {};
  const required = new Set<string>(definition.params.required ?? []);
  const rest = Object.keys(properties).filter((name) => !inPath.has(name));
  const inQuery = WITHOUT_BODY.has(definition.http.verb) ? rest : [];
  const parameter = (place: string) => (name: string) => ({
    name,
    in: place,
    required: place === 'path' || required.has(name),
    schema: properties[name] ?? { type: 'string' },
  });
  const answer: Json = { '200': content('The result.', definition.result) };
  if (definition.kind === 'operation' && 'wait' in properties) {
    const accepted = {
      type: 'object',
      properties: { operationId: { type: 'string' } },
      required: ['operationId'],
    };
    answer['202'] = content('Accepted; asked for with "wait": false.', accepted);
  }
  return {
    operationId: definition.name,
    summary: definition.summary,
    description: `Needs the right to ${definition.right}.`,
    tags: [definition.http.path.split('/')[2] ?? 'host'],
    parameters: [...[...inPath].map(parameter('path')), ...inQuery.map(parameter('query'))],
    ...(inQuery.length < rest.length ? { requestBody: body(definition.params, rest) } : {}),
    responses: { ...answer, default: { $ref: '#/components/responses/Failure' } },
  };
}

/** The schema of the parameters without those that stand in the path. */
function body(params: TSchema, names: string[]): Json {
  const kept = Object.fromEntries(names.map((name) => [name, params.properties[name]]));
  const required = ((params.required ?? []) as string[]).filter((name) => names.includes(name));
  const schema = { type: 'object', properties: kept, required, additionalProperties: false };
  return { required: required.length > 0, content: { 'application/json': { schema } } };
}

function content(description: string, schema: unknown): Json {
  return { description, content: { 'application/json': { schema } } };
}

function failure(): Json {
  const schema = {
    type: 'object',
    required: ['error'],
    properties: { error: { $ref: '#/components/schemas/Error' } },
  };
  const statuses = Object.entries(HTTP_STATUS).map(([code, status]) => `${status} ${code}`);
  return content(`Status by code: ${statuses.join(', ')}.`, schema);
}

function errorSchema(): Json {
  const meaning = Object.entries(ERROR_CODES).map(([code, text]) => `- \`${code}\`: ${text}`);
  return {
    type: 'object',
    required: ['code', 'message', 'ids'],
    properties: {
      code: { type: 'string', enum: Object.keys(ERROR_CODES), description: meaning.join('\n') },
      message: { type: 'string', description: 'One sentence for a person.' },
      ids: { type: 'object', additionalProperties: { type: 'string' } },
    },
  };
}

/** What is not a method: the call by name and the streams. */
function fixedPaths(): Record<string, Json> {
  const stream = (description: string) => ({
    '200': { description, content: { 'application/x-ndjson': {}, 'text/event-stream': {} } },
    default: { $ref: '#/components/responses/Failure' },
  });
  const query = (name: string, description: string) => ({
    name,
    in: 'query',
    required: false,
    description,
    schema: { type: 'integer', minimum: 0 },
  });
  return {
    '/v1/call/{method}': {
      post: {
        operationId: 'call',
        summary: 'Calls any method by its name, with all its parameters in the body.',
        description: 'Needs the right of that method.',
        tags: ['call'],
        parameters: [{ name: 'method', in: 'path', required: true, schema: { type: 'string' } }],
        requestBody: { content: { 'application/json': { schema: { type: 'object' } } } },
        responses: { '200': content('The result.', {}), default: { $ref: '#/components/responses/Failure' } },
      },
    },
    '/healthz': {
      get: {
        operationId: 'getHealth',
        summary: 'Whether the agent can do its work now.',
        description: 'Answered with 200 as long as the agent lives; "degraded" comes with the reasons.',
        tags: ['host'],
        responses: {
          '200': content('Status, warnings and version.', { type: 'object' }),
          default: { $ref: '#/components/responses/Failure' },
        },
      },
    },
    '/metrics': {
      get: {
        operationId: 'getMetrics',
        summary: 'Measurements for Prometheus.',
        description: 'One call to the hypervisor, whatever the number of VServers.',
        tags: ['host'],
        responses: {
          '200': { description: 'Text exposition format 0.0.4.', content: { 'text/plain': {} } },
          default: { $ref: '#/components/responses/Failure' },
        },
      },
    },
    '/v1/events': {
      get: {
        operationId: 'streamEvents',
        summary: 'Events above a sequence number, and with follow=1 every later one.',
        description: 'A browser that comes back with Last-Event-ID goes on where it was.',
        tags: ['events'],
        parameters: [
          query('after', 'Last event already known.'),
          query('follow', '1 keeps the answer open.'),
        ],
        responses: stream('One StoredEvent a line, or a Server-Sent Event each.'),
      },
    },
    '/v1/operation-updates': {
      get: {
        operationId: 'streamOperationUpdates',
        summary: 'State and progress of operations as they change, until the caller hangs up.',
        description: 'What happened before is told by getOperation.',
        tags: ['operations'],
        responses: stream('One OperationRecord a line, or a Server-Sent Event each.'),
      },
    },
  };
}
