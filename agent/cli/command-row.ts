// The shape of a command that calls one method, and the shapes that most of them have.
import { parameters, repeated } from './options.ts';
import type { Column } from './table.ts';

/** One option and the parameter it becomes. */
export interface OptionRow {
  /** As commander wants it: `--type <type>`. */
  flags: string;
  help: string;
  /** Parameter of the method. */
  param: string;
  required?: boolean;
  /** Collects or converts what was typed. */
  parse?: (value: string, before?: string[]) => unknown;
  /** Makes the parameter from what was parsed; identity if absent. */
  make?: (parsed: never) => unknown;
}

/** One positional argument and the parameter it becomes. */
export interface ArgumentRow {
  name: string;
  param: string;
  help: string;
  /** Makes the parameter from the word; identity if absent. */
  make?: (word: string) => unknown;
}

/** One command that calls one method. */
export interface CommandRow {
  noun: string;
  verb: string;
  alias?: string;
  help: string;
  method: string;
  /** Operations are waited for with a progress bar and take a request id. */
  operation?: boolean;
  /** Positional arguments: name shown, and parameter. */
  arguments?: ArgumentRow[];
  options?: OptionRow[];
  /** Lists are tables of these columns; all there are if none is named. */
  columns?: Column[];
  /** A second question about the same thing, asked beside the first; its answer becomes further members of the result. */
  also?: { method: string; members(answer: never, result: Record<string, unknown>): object };
  example?: string;
}

/** Parameter that names a thing of each kind. */
export const REFERENCE: Readonly<Record<string, string>> = {
  vserver: 'vserverId',
  vnet: 'vnetId',
  vnic: 'vnicId',
  publicip: 'publicIpId',
  disk: 'vdiskId',
  image: 'imageId',
  operation: 'operationId',
};

/** The argument of commands that make something. */
export const newName: ArgumentRow = { name: 'name', param: 'name', help: 'name to be known by' };

/** Option of every command that makes something: reaches the parameters that have no option of their own. */
export const PARAM_OPTION: OptionRow = {
  flags: '-p, --param <name=json>',
  param: '',
  help: 'any other parameter of the method; repeat for more',
  parse: repeated,
  make: (given: string[]) => parameters(given),
};

/** The argument that names a thing. */
export function named(noun: string): ArgumentRow[] {
  const help = noun === 'operation' ? 'id of the operation' : `name or id of the ${noun}`;
  return [{ name: noun, param: REFERENCE[noun] as string, help }];
}

/** A command that does something to one thing and takes time. */
export function verb(
  noun: string,
  word: string,
  method: string,
  help: string,
  more: Partial<CommandRow> = {},
): CommandRow {
  return { noun, verb: word, method, help, operation: true, arguments: named(noun), ...more };
}

/** A command that asks about one thing. */
export function ask(
  noun: string,
  word: string,
  method: string,
  help: string,
  more: Partial<CommandRow> = {},
) {
  return verb(noun, word, method, help, { operation: false, ...more });
}

/** `NOUN list`. */
export function list(noun: string, method: string, help: string, columns: Column[]): CommandRow {
  return { noun, verb: 'list', method, help, columns };
}

/** `NOUN show`. */
export function show(noun: string, method: string, more: Partial<CommandRow> = {}): CommandRow {
  return ask(noun, 'show', method, `everything known about one ${noun}`, more);
}
