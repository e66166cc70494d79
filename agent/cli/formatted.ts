// An answer in the form that was asked for: JSON, YAML, or as a person reads it.
import { safeJson } from './printable.ts';
import type { Globals } from './run-command.ts';
import { yaml } from './yaml.ts';

/** Ends with a line ending. @param text makes the person's form, and asks for what that needs, only when it is wanted */
export async function formatted(
  value: unknown,
  { json, output }: Globals,
  text: () => string | Promise<string>,
): Promise<string> {
  if (json) return `${safeJson(value, 2)}\n`;
  return output === 'yaml' ? yaml(value) : text();
}
