// The words of innkeeper top.
import { type Command, Option } from 'commander';
import { ApiClient } from '../client.ts';
import { withExamples } from '../examples.ts';
import { UsageError } from '../failures.ts';
import { number } from '../options.ts';
import type { Globals } from '../run-command.ts';
import { SORTS, type Sort } from './rates.ts';
import { runTop } from './top.ts';

interface TopArguments {
  interval: string;
  sort: Sort;
  once?: boolean;
}

/** Adds the command. */
export function addTop(program: Command): void {
  const command = program
    .command('top')
    .description('what the VServers do just now, again and again; leave with q')
    .option('-i, --interval <seconds>', 'time between two looks', '2')
    .addOption(new Option('-s, --sort <by>', 'what comes first').choices(Object.keys(SORTS)).default('cpu'))
    .option('--once', 'print one list and end')
    .action(async ({ interval, sort, once = false }: TopArguments) => {
      const seconds = number(interval);
      if (seconds < 0.1 || seconds > 3600) throw new UsageError('--interval takes 0.1 to 3600 seconds');
      const { socket, json = false } = program.opts<Globals>();
      await runTop(new ApiClient(socket), { interval: seconds * 1000, sort, json, once });
    });
  withExamples(
    command,
    'innkeeper top --sort network',
    'innkeeper top --once',
    'innkeeper top --json | jq .vservers',
  );
}
