// The commands that are more, or less, than one call of a method.
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { ApiClient } from './client.ts';
import { addCompletion } from './completion.ts';
import { runConsole } from './console.ts';
import { addDoctor } from './doctor.ts';
import { UsageError } from './failures.ts';
import { content } from './options.ts';
import { printable, safeJson } from './printable.ts';
import type { Globals } from './run-command.ts';
import { addScreen } from './screen.ts';
import { record } from './table.ts';
import { addTop } from './top/command.ts';
import { yaml } from './yaml.ts';

/** Adds agent, host, capacity, events, console, call and methods. */
export function addSpecialCommands(program: Command): void {
  const globals = () => program.opts<Globals>();
  program
    .command('agent')
    .description('run the agent of this host in the foreground')
    .option('-c, --config <file>', 'its configuration', '/etc/innkeeper/innkeeper.toml')
    .action(async ({ config }: { config: string }) => {
      // Loaded here only: every other command would pay for the whole agent at its start.
      const { runAgent } = await import('../main.ts');
      await runAgent(config);
    });
  addDoctor(program);
  addCompletion(program);
  program
    .command('config')
    .description('the configuration of the agent')
    .command('check')
    .description('tell every mistake of a configuration file, by line')
    .argument('[file]', 'the file', '/etc/innkeeper/innkeeper.toml')
    .action((file: string) => checkConfigFile(file));
  addOneCall(program, 'host', 'getHost', 'this host: hypervisor, processors, memory, versions');
  addOneCall(program, 'capacity', 'getCapacity', 'what is there, promised, used and free');
  addTop(program);
  addScreen(program);
  program
    .command('events')
    .description('what happened, oldest first')
    .option('-f, --follow', 'go on as it happens')
    .option('-a, --after <number>', 'only events above this number', '0')
    .action((options: { follow?: boolean; after: string }) => showEvents(globals(), options));
  program
    .command('console')
    .description('the serial console of a running VServer; leave with Ctrl-]')
    .argument('<vserver>', 'name or id of the VServer')
    .action((vserver: string) => runConsole(new ApiClient(globals().socket), vserver));
  program
    .command('call')
    .description('call any method of the agent')
    .argument('<method>', 'see `innkeeper methods`')
    .argument('[parameters]', 'JSON object; - reads it from standard input', '{}')
    .addHelpText('after', '\nExample:\n  innkeeper call startVServer \'{"vserverId": "web"}\'')
    .action(async (method: string, text: string) => {
      const result = await new ApiClient(globals().socket).call(method, await parameters(text));
      process.stdout.write(`${safeJson(result, 2)}\n`);
    });
  program
    .command('methods')
    .description('the methods of the agent, for `innkeeper call`')
    .action(() => showMethods(globals()));
}

/** Exit code 1 when there are mistakes; works without an agent. */
async function checkConfigFile(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new UsageError(`${file} cannot be read: ${error.message}`, { cause: error });
  });
  // Loaded here only, as with the agent itself.
  const { configMistakes } = await import('../config-check.ts');
  const found = configMistakes(text);
  for (const { line, reason } of found) {
    process.stdout.write(`${printable(`${file}:${line === undefined ? '' : `${line}:`} ${reason}`)}\n`);
  }
  if (found.length === 0) process.stdout.write(`${file}: no mistakes\n`);
  else process.exitCode = 1;
}

function addOneCall(program: Command, name: string, method: string, help: string): void {
  program
    .command(name)
    .description(help)
    .action(async () => {
      const { socket, json, output } = program.opts<Globals>();
      const result = await new ApiClient(socket).call(method);
      const text = output === 'yaml' ? yaml(result) : record(result);
      process.stdout.write(json ? `${safeJson(result, 2)}\n` : text);
    });
}

async function parameters(text: string): Promise<object> {
  const json = text === '-' ? String(await content('-')) : text;
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw new UsageError(`the parameters are not JSON: ${(error as Error).message}`, { cause: error });
  }
  throw new UsageError('the parameters must be a JSON object');
}

interface ShownEvent {
  seq: number;
  time: string;
  type: string;
  ids: Record<string, string>;
  data: Record<string, unknown>;
}

/** One line per event, in JSON too: programs read lines. */
async function showEvents(
  globals: Globals,
  { follow, after }: { follow?: boolean; after: string },
): Promise<void> {
  if (!/^\d+$/.test(after)) throw new UsageError('--after takes the number of an event');
  const path = `/v1/events?after=${after}&follow=${follow ? 1 : 0}`;
  const events = (await new ApiClient(globals.socket).stream(path)) as AsyncIterable<ShownEvent>;
  for await (const event of events) {
    process.stdout.write(`${globals.json ? safeJson(event) : eventLine(event)}\n`);
  }
}

function eventLine({ seq, time, type, ids, data }: ShownEvent): string {
  const about = Object.entries(ids).map(([kind, id]) => `${kind}=${id}`);
  const facts = Object.entries(data).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return printable([String(seq).padStart(6), time, type, ...about, ...facts].join('  '));
}

interface Documented {
  paths: Record<string, Record<string, { operationId: string; summary: string }>>;
}

async function showMethods({ socket, json }: Globals): Promise<void> {
  const { paths } = (await new ApiClient(socket).get('/v1/openapi.json')) as Documented;
  const methods = Object.entries(paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, { operationId, summary }]) => ({
      method: operationId,
      summary,
      http: `${verb.toUpperCase()} ${path}`,
    })),
  );
  methods.sort((a, b) => a.method.localeCompare(b.method));
  const line = ({ method, summary }: (typeof methods)[number]) =>
    `${printable(method).padEnd(28)} ${printable(summary)}\n`;
  process.stdout.write(json ? `${safeJson(methods, 2)}\n` : methods.map(line).join(''));
}
