// Gathers a method's parameters from where HTTP carries them: the path, the query and the body.
import type { TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { MethodDefinition } from '../methods.ts';
import { InnkeeperError } from '../resources/errors.ts';

/** The parts of a request that carry parameters. */
export interface RequestParts {
  path: unknown;
  query: unknown;
  body: unknown;
}

/** Names in braces in a method's HTTP path, in order. */
export function pathParameters(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
}

/**
 * Merges path, query and body into one object for `AgentApi.call`, which does the real checking.
 * Path and query are text by nature and are converted to what the schema asks for; a body is taken as it is.
 * @throws InnkeeperError `invalid` when the body is no object or says something else than the path or query
 */
export function gatherParameters(
  definition: MethodDefinition,
  { path, query, body }: RequestParts,
): Record<string, unknown> {
  const gathered: Record<string, unknown> = Object.create(null);
  for (const part of [asText(definition.params, path), asText(definition.params, query), asObject(body)]) {
    for (const [name, value] of Object.entries(part)) {
      if (name in gathered && !Value.Equal(gathered[name], value)) {
        throw new InnkeeperError('invalid', `The parameter "${name}" is given twice with different values.`);
      }
      gathered[name] = value;
    }
  }
  return { ...gathered };
}

/** One string per name, converted by the schema of that name where it has one. */
function asText(params: TSchema, part: unknown): Record<string, unknown> {
  const properties: Record<string, TSchema> = params.properties ?? {};
  return Object.fromEntries(
    Object.entries(asObject(part)).map(([name, value]) => {
      const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
      return [name, schema ? Value.Convert(schema, value) : value];
    }),
  );
}

function asObject(part: unknown): Record<string, unknown> {
  if (part === undefined || part === null) return {};
  if (typeof part === 'object' && !Array.isArray(part)) return part as Record<string, unknown>;
  throw new InnkeeperError('invalid', 'The body of the request must be a JSON object with the parameters.');
}
