// Moves named schemas (those with an $id) out of a document into its components, so that each stands there once.

type Json = Record<string, unknown>;

/**
 * A copy of `document` in which every schema with an `$id` is a reference, and the schemas by name.
 * An `$id` that stands twice in one document would be an error by JSON Schema 2020-12, section 8.2.1.
 */
export function namedSchemas(document: Json): { document: Json; schemas: Record<string, Json> } {
  const schemas: Record<string, Json> = {};
  const copy = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(copy);
    if (typeof value !== 'object' || value === null) return value;
    const { $id, ...rest } = value as Json;
    const copied = Object.fromEntries(Object.entries(rest).map(([name, member]) => [name, copy(member)]));
    if (typeof $id !== 'string') return copied;
    schemas[$id] = copied;
    return { $ref: `#/components/schemas/${$id}` };
  };
  return { document: copy(document) as Json, schemas };
}
