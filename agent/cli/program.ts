// The command line as commander sees it: the table of commands, and the few commands that are no method.
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { DEFAULT_SOCKET } from './client.ts';
import type { CommandRow } from './command-row.ts';
import { COMMANDS, NOUNS } from './commands/commands.ts';
import { exampleOf, withExamples } from './examples.ts';
import { type Globals, runCommand } from './run-command.ts';
import { addSpecialCommands } from './special-commands.ts';

const EXAMPLES = `
Examples:
  innkeeper vserver list
  innkeeper vserver create web --type small --image debian --vnet lan
  innkeeper console web                     leave with Ctrl-]
  innkeeper events --follow --json | jq .type
  innkeeper call getCapacity

Names and ids can be used alike. Exit codes: 0 done, 1 refused by the agent,
2 wrong usage, 3 the agent cannot be reached, 130 interrupted while waiting.`;

/** The whole command; `parseAsync` runs it. Throws what went wrong instead of exiting. */
export function buildProgram(): Command {
  const program = new Command('innkeeper');
  program
    .description('Looks after the VServers of this host.')
    .version(version())
    .option('--socket <path>', 'socket of the agent', process.env.INNKEEPER_SOCKET || DEFAULT_SOCKET)
    .option('--json', 'print JSON, for programs')
    .addOption(
      new Option('-o, --output <format>', 'how results are printed').choices([
        'table',
        'wide',
        'json',
        'yaml',
      ]),
    )
    .hook('preAction', () => {
      if (program.opts<Globals>().output === 'json') program.setOptionValue('json', true);
    })
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'innkeeper: usage: ')) });
  const nouns = new Map<string, Command>();
  for (const [noun, help] of Object.entries(NOUNS)) {
    const rows = COMMANDS.filter((row) => row.noun === noun).slice(0, 3);
    const group = withExamples(program.command(noun).description(help), ...rows.map(exampleOf));
    nouns.set(noun, inherit(program, group));
  }
  for (const row of COMMANDS) addRow(nouns.get(row.noun) as Command, row);
  addSpecialCommands(program);
  for (const command of program.commands) inherit(program, command);
  return program;
}

/** Commands made later do not take over these settings by themselves. */
function inherit(program: Command, command: Command): Command {
  return command.copyInheritedSettings(program);
}

function addRow(noun: Command, row: CommandRow): void {
  const command = noun.command(row.verb).description(row.help).summary(row.help);
  if (row.alias) command.alias(row.alias);
  for (const { name, help } of row.arguments ?? []) command.argument(`<${name}>`, help);
  for (const { flags, help, required, parse } of row.options ?? []) {
    if (required) command.requiredOption(flags, help);
    else if (parse) command.option(flags, help, parse as (value: string) => unknown);
    else command.option(flags, help);
  }
  if (row.operation) {
    command.option('--no-wait', 'do not wait; prints the id of the operation');
    command.option('--request-id <id>', 'asking again with the same id never does it twice');
  }
  withExamples(command, exampleOf(row));
  command.action(async () => {
    await runCommand(row, command.args, command.opts(), command.optsWithGlobals());
  });
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
