// The words of innkeeper console.
import type { Command } from 'commander';
import { ApiClient } from './client.ts';
import { escapeByte, runConsole } from './console.ts';
import { withExamples } from './examples.ts';
import type { Globals } from './run-command.ts';

interface ConsoleArguments {
  escape: string;
  resize?: boolean;
}

/** Adds the command. */
export function addConsole(program: Command): void {
  const command = program
    .command('console')
    .description('the serial console of a running VServer; leave with Ctrl-]')
    .argument('<vserver>', 'name or id of the VServer')
    .option('-e, --escape <key>', 'what leaves it: ^A to ^_, or none', '^]')
    .option('--resize', "type the terminal's size (stty) into the guest's shell, now and when it changes")
    .action(async (vserver: string, { escape: key, resize = false }: ConsoleArguments) => {
      const options = { escape: escapeByte(key), resize };
      await runConsole(new ApiClient(program.opts<Globals>().socket), vserver, options);
    });
  withExamples(command, 'innkeeper console web', "innkeeper console web --escape '^A' --resize");
}
