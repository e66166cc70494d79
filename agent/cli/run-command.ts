// Carries out one row of the table of commands: gathers its parameters, calls its method, shows the result.
import { randomUUID } from 'node:crypto';
import { ApiClient } from './client.ts';
import { type CommandRow, type OptionRow, PARAM_OPTION } from './command-row.ts';
import { Interrupted } from './failures.ts';
import { formatted } from './formatted.ts';
import { showProgress } from './progress.ts';
import { record, rowsOf, table } from './table.ts';

/** Options that every command has. */
export interface Globals {
  socket: string;
  json?: boolean;
  /** `json` sets the other one, too. */
  output?: 'table' | 'wide' | 'json' | 'yaml';
}

type Parsed = Record<string, unknown>;

/** Runs the command with what commander has parsed. */
export async function runCommand(
  row: CommandRow,
  words: string[],
  parsed: Parsed,
  globals: Globals,
): Promise<void> {
  const client = new ApiClient(globals.socket);
  const params = await gather(row, words, parsed);
  const result = row.operation
    ? await operate(client, row, params, globals)
    : await client.call(row.method, params);
  const answer = row.also ? await withMore(client, row.also, params, result) : result;
  process.stdout.write(await formatted(answer, globals, () => told(answer, row, globals)));
}

/** What the second question adds. The first answer is worth showing even if the second cannot be had. */
async function withMore(
  client: ApiClient,
  { method, members }: NonNullable<CommandRow['also']>,
  params: Parsed,
  result: unknown,
): Promise<unknown> {
  const attributes = result as Parsed;
  const more = await client.call(method, params).then(
    (answer) => members(answer as never, attributes),
    (error: Error) => ({ verdict: `not found out: ${error.message}` }),
  );
  return { ...attributes, ...more };
}

async function gather(row: CommandRow, words: string[], parsed: Parsed): Promise<Parsed> {
  const params: Parsed = {};
  row.arguments?.forEach(({ param, make }, at) => {
    const word = words[at] as string;
    params[param] = make ? make(word) : word;
  });
  for (const option of row.options ?? []) {
    const given = parsed[keyOf(option)];
    // Commander makes `--no-x` true when it is not given; the agent has its own default for that.
    if (given === undefined || (option.flags.includes('--no-') && given === true)) continue;
    const made = option.make ? await option.make(given as never) : given;
    if (option === PARAM_OPTION) Object.assign(params, made);
    else params[option.param] = made;
  }
  if (parsed.wait === false) params.wait = false;
  if (parsed.requestId !== undefined) params.requestId = parsed.requestId;
  return params;
}

/** The name under which commander keeps an option: `--user-data` is `userData`, `--no-boot` is `boot`. */
function keyOf(option: OptionRow): string {
  const long = /--(?:no-)?([\w-]+)/.exec(option.flags)?.[1] ?? '';
  return long.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Waits for an operation, with a bar on a terminal; interrupting only stops the waiting. */
async function operate(
  client: ApiClient,
  row: CommandRow,
  params: Parsed,
  globals: Globals,
): Promise<unknown> {
  if (params.wait === false) return await client.call(row.method, params);
  const requestId = String(params.requestId ?? randomUUID());
  const screen = process.stderr;
  const wipe =
    screen.isTTY && !globals.json ? await showProgress(client, requestId, screen) : () => undefined;
  const waiting = new AbortController();
  const interrupt = () => waiting.abort();
  process.once('SIGINT', interrupt);
  try {
    return await client.call(row.method, { ...params, requestId }, waiting.signal);
  } catch (error) {
    if (!waiting.signal.aborted) throw error;
    throw new Interrupted(`the operation goes on; see innkeeper operation show ${requestId}`);
  } finally {
    process.off('SIGINT', interrupt);
    wipe();
  }
}

/** A table, a record, or nothing where there is nothing to say. */
function told(result: unknown, { columns }: CommandRow, { output }: Globals): string {
  if (columns) return table(rowsOf(result), output === 'wide' ? [] : columns);
  return result === null || result === undefined ? '' : record(result);
}
