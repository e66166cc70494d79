// innkeeper screen: where the screen of a VServer is, and how to look at it.
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { ApiClient } from './client.ts';
import { withExamples } from './examples.ts';
import { formatted } from './formatted.ts';
import { printable } from './printable.ts';
import type { Globals } from './run-command.ts';

interface Screen {
  socket: string;
}

/** Ways to look at a VNC socket, here and from afar. */
export function viewers({ socket }: Screen, hostname: string, user: string): string[] {
  return [
    `vncviewer ${socket}`,
    `remote-viewer vnc+unix://${socket}`,
    `ssh -N -L 5900:${socket} ${user}@${hostname}   and there: vncviewer localhost:5900`,
  ];
}

/** Adds the command. */
export function addScreen(program: Command): void {
  const command = program
    .command('screen')
    .description('the screen of a running VServer: its VNC socket, and viewers for it')
    .argument('<vserver>', 'name or id of the VServer')
    .action(async (vserverId: string) => {
      const globals = program.opts<Globals>();
      const client = new ApiClient(globals.socket);
      const screen = (await client.call('getVServerScreen', { vserverId })) as Screen;
      const text = async () => {
        const { facts } = (await client.call('getHost')) as { facts?: { hostname: string } };
        const lines = viewers(screen, facts?.hostname ?? 'HOST', userInfo().username);
        return [`VNC on ${screen.socket}`, ...lines.map((line) => `  ${line}`), ''].map(printable).join('\n');
      };
      process.stdout.write(await formatted(screen, globals, text));
    });
  withExamples(command, 'innkeeper screen web', 'vncviewer "$(innkeeper screen web --json | jq -r .socket)"');
}
