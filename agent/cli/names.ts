// innkeeper names: what the things of one kind are called, for scripts and for the shell's completion.
import type { Command } from 'commander';
import { ApiClient } from './client.ts';
import { REFERENCE } from './command-row.ts';
import { COMMANDS } from './commands/commands.ts';
import { withExamples } from './examples.ts';
import { UsageError } from './failures.ts';
import { formatted } from './formatted.ts';
import type { Globals } from './run-command.ts';
import { rowsOf } from './table.ts';

/** What a script or a shell may take as one word, whatever it does with it. */
const WORD = /^[\p{L}\p{N}._:@+-]+$/u;

/** The method that lists each kind. */
const LISTS = new Map(
  COMMANDS.filter(({ verb }) => verb === 'list').map(({ noun, method }) => [noun, method]),
);

/** Kinds whose names are known: the nouns of the command. */
export const KINDS: ReadonlySet<string> = new Set(LISTS.keys());

/** The name of one row of a list, or its id where it has none or one that is no plain word. */
function nameOf(kind: string, row: Record<string, unknown>): string[] {
  const names = [row.name, row[REFERENCE[kind] ?? 'id'], row.id];
  const name = names.find((one): one is string => typeof one === 'string' && WORD.test(one));
  return name === undefined ? [] : [name];
}

/** Adds the command. */
export function addNames(program: Command): void {
  const command = program
    .command('names')
    .description('the names of all of one kind, one per line; ids where a name is no plain word')
    .argument('<kind>', [...KINDS].join(', '))
    .action(async (kind: string) => {
      const method = LISTS.get(kind);
      if (!method) throw new UsageError(`there is no kind ${kind}; there are ${[...KINDS].join(', ')}`);
      const globals = program.opts<Globals>();
      const rows = rowsOf(await new ApiClient(globals.socket).call(method));
      const names = rows.flatMap((row) => nameOf(kind, row));
      process.stdout.write(await formatted(names, globals, () => names.map((name) => `${name}\n`).join('')));
    });
  withExamples(
    command,
    'innkeeper names vserver',
    'for v in $(innkeeper names vserver); do innkeeper vserver stop $v; done',
  );
}
