// Checks anything from outside against a TypeBox schema and says in one sentence what is wrong.

import { isIP } from 'node:net';
import { FormatRegistry, type Static, type TSchema } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import { ValueErrorType } from '@sinclair/typebox/errors';
import { InnkeeperError } from './resources/errors.ts';

FormatRegistry.Set('ip', (text) => isIP(text) !== 0);
FormatRegistry.Set('ipv4', (text) => isIP(text) === 4);
FormatRegistry.Set('ipv6', (text) => isIP(text) === 6);

const compiled = new WeakMap<TSchema, TypeCheck<TSchema>>();

/** @throws InnkeeperError `invalid`, naming the field and what it should be */
export function check<S extends TSchema>(schema: S, value: unknown, what: string): Static<S> {
  const checker = compiled.get(schema) ?? TypeCompiler.Compile(schema);
  compiled.set(schema, checker);
  if (checker.Check(value)) return value as Static<S>;
  const error = checker.Errors(value).First()!;
  const field = error.path === '' ? what : `${what}: ${error.path.slice(1).replaceAll('/', '.')}`;
  throw new InnkeeperError('invalid', `${field} ${explain(error.type, error.message, error.schema)}.`);
}

/** Every mistake, in the schema's order; of several about one place only the first. */
export function mistakes(schema: TSchema, value: unknown): { path: string[]; reason: string }[] {
  const checker = compiled.get(schema) ?? TypeCompiler.Compile(schema);
  compiled.set(schema, checker);
  const found = new Map<string, string>();
  for (const { path, type, message, schema: of } of checker.Errors(value)) {
    if (!found.has(path)) found.set(path, explain(type, message, of));
  }
  return [...found].map(([path, reason]) => ({ path: path.split('/').slice(1), reason }));
}

function explain(type: ValueErrorType, message: string, schema: TSchema): string {
  if (type === ValueErrorType.ObjectAdditionalProperties) return 'is not a known field';
  if (type === ValueErrorType.ObjectRequiredProperty) return 'is missing';
  if (schema.description && type === ValueErrorType.StringPattern) {
    return `is not as it should be: ${schema.description.replace(/\.$/, '')}`;
  }
  if (schema.anyOf?.every((option: TSchema) => 'const' in option)) {
    return `must be one of ${schema.anyOf.map((option: TSchema) => option.const).join(', ')}`;
  }
  return `is wrong: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}
