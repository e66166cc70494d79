// The answer to `rpc.discover`: every method with its schemas, as an OpenRPC document (https://spec.open-rpc.org).
import type { TSchema } from '@sinclair/typebox';
import { namedSchemas } from '../api/schema-components.ts';
import type { AgentApi, MethodDefinition } from '../methods.ts';

type Json = Record<string, unknown>;

const made = new WeakMap<AgentApi, Json>();

/** The document; plain JSON. Made once for each agent, whose methods never change: anybody may ask, and often. */
export function openRpcDocument(agent: AgentApi): Json {
  const document = made.get(agent) ?? make(agent);
  made.set(agent, document);
  return document;
}

function make(agent: AgentApi): Json {
  const methods = [...agent.methods.values()].map(described);
  const { document, schemas } = namedSchemas({ methods });
  return {
    openrpc: '1.3.2',
    info: { title: 'Innkeeper', version: agent.hello().agentVersion },
    ...document,
    components: { schemas },
  };
}

function described({ name, summary, right, kind, params, result }: MethodDefinition): Json {
  const required = new Set<string>(params.required ?? []);
  const properties: Record<string, TSchema> = params.properties ?? {};
  return {
    name,
    summary,
    paramStructure: 'by-name',
    params: Object.entries(properties).map(([param, schema]) => {
      return { name: param, required: required.has(param), schema };
    }),
    result: { name: 'result', schema: result },
    'x-right': right,
    'x-kind': kind,
  };
}
