// The commands that are more, or less, than one call of a method.
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { ApiClient } from './client.ts';
import { addCompletion } from './completion.ts';
import { addConsole } from './console-command.ts';
import { addDoctor } from './doctor.ts';
import { addEvents } from './events.ts';
import { withExamples } from './examples.ts';
import { UsageError } from './failures.ts';
import { formatted } from './formatted.ts';
import { commandManual } from './manual.ts';
import { addNames } from './names.ts';
import { content } from './options.ts';
import { printable, safeJson } from './printable.ts';
import type { Globals } from './run-command.ts';
import { addScreen } from './screen.ts';
import { record } from './table.ts';
import { addTop } from './top/command.ts';

/** Adds agent, host, capacity, events, console, call and the others that are no row of the table. */
export function addSpecialCommands(program: Command): void {
  const globals = () => program.opts<Globals>();
  addAgent(program);
  addDoctor(program);
  addCompletion(program);
  addNames(program);
  addConfig(program);
  addOneCall(program, 'host', 'getHost', 'this host: hypervisor, processors, memory, versions');
  addOneCall(program, 'capacity', 'getCapacity', 'what is there, promised, used and free');
  addTop(program);
  addScreen(program);
  addConsole(program);
  addEvents(program);
  const call = program
    .command('call')
    .description('call any method of the agent')
    .argument('<method>', 'see `innkeeper methods`')
    .argument('[parameters]', 'JSON object; - reads it from standard input', '{}')
    .action(async (method: string, text: string) => {
      const result = await new ApiClient(globals().socket).call(method, await parameters(text));
      process.stdout.write(await formatted(result, globals(), () => `${safeJson(result, 2)}\n`));
    });
  withExamples(call, `innkeeper call startVServer '{"vserverId": "web"}'`);
  const methods = program
    .command('methods')
    .description('the methods of the agent, for `innkeeper call`')
    .action(() => showMethods(globals()));
  withExamples(methods, 'innkeeper methods --json | jq -r .[].method');
  const manual = program
    .command('manual')
    .description('print the manual page, for man -l')
    .action(() => {
      process.stdout.write(commandManual(program, { version: program.version() ?? '', date: new Date() }));
    });
  withExamples(manual, 'innkeeper manual | man -l -');
}

function addAgent(program: Command): void {
  const command = program
    .command('agent')
    .description('run the agent of this host in the foreground')
    .option('-c, --config <file>', 'its configuration', '/etc/innkeeper/innkeeper.toml')
    .action(async ({ config }: { config: string }) => {
      // Loaded here only: every other command would pay for the whole agent at its start.
      const { runAgent } = await import('../main.ts');
      await runAgent(config);
      // An operation that is under way is carried on by the next agent; what it waits for here must not hold up this one,
      // for guests wait meanwhile.
      process.exit();
    });
  withExamples(command, 'innkeeper agent --config ./innkeeper.toml');
}

function addConfig(program: Command): void {
  const config = program.command('config').description('the configuration of the agent');
  const check = config
    .command('check')
    .description('tell every mistake of a configuration file, by line')
    .argument('[file]', 'the file', '/etc/innkeeper/innkeeper.toml')
    .action((file: string) => checkConfigFile(file));
  for (const one of [config, check]) withExamples(one, 'innkeeper config check ./innkeeper.toml');
}

/** Exit code 1 when there are mistakes; works without an agent. */
async function checkConfigFile(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new UsageError(`${file} cannot be read: ${error.message}`, { cause: error });
  });
  // Loaded here only, as with the agent itself.
  const { configMistakes } = await import('../config/check.ts');
  const found = configMistakes(text);
  for (const { line, reason } of found) {
    process.stdout.write(`${printable(`${file}:${line === undefined ? '' : `${line}:`} ${reason}`)}\n`);
  }
  if (found.length === 0) process.stdout.write(`${file}: no mistakes\n`);
  else process.exitCode = 1;
}

function addOneCall(program: Command, name: string, method: string, help: string): void {
  const command = program
    .command(name)
    .description(help)
    .action(async () => {
      const globals = program.opts<Globals>();
      const result = await new ApiClient(globals.socket).call(method);
      process.stdout.write(await formatted(result, globals, () => record(result)));
    });
  withExamples(command, `innkeeper ${name}`, `innkeeper ${name} -o yaml`);
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

interface Documented {
  paths: Record<string, Record<string, { operationId: string; summary: string }>>;
}

async function showMethods(globals: Globals): Promise<void> {
  const { paths } = (await new ApiClient(globals.socket).get('/v1/openapi.json')) as Documented;
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
  process.stdout.write(await formatted(methods, globals, () => methods.map(line).join('')));
}
