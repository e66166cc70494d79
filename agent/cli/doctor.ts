// innkeeper doctor: a command of its own because it looks at the host itself and works without the agent, too.
import type { Command } from 'commander';
import { ApiClient } from './client.ts';
import { withExamples } from './examples.ts';
import { formatted } from './formatted.ts';
import { printable } from './printable.ts';
import type { Globals } from './run-command.ts';

interface DoctorArguments {
  config: string;
  bundle?: string;
}

/** Exit code 0: no fault (warnings may be); 1: at least one. */
export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('examine this host from end to end: what is wrong, what it means, what to do')
    .option('-c, --config <file>', "the agent's configuration", '/etc/innkeeper/innkeeper.toml')
    .option('-b, --bundle <file>', 'also write a .tar.gz for support, without secrets')
    .action(async ({ config, bundle }: DoctorArguments) => {
      const globals = program.opts<Globals>();
      const client = new ApiClient(globals.socket);
      const agent = {
        call: (method: string, params?: object) => client.call(method, params),
        text: (path: string) => client.text(path),
      };
      // Loaded here only: every other command would pay for it at its start.
      const { examine, told } = await import('../doctor/report.ts');
      const findings = await examine({ configPath: config, agent, ...(bundle ? { bundle } : {}) });
      const written = bundle ? `Written: ${printable(bundle)}\n` : '';
      const text = () => told(findings).split('\n').map(printable).join('\n') + written;
      process.stdout.write(await formatted(findings, globals, text));
      if (findings.some(({ level }) => level === 'fault')) process.exitCode = 1;
    });
  withExamples(command, 'innkeeper doctor', 'innkeeper doctor --bundle /root/innkeeper-support.tar.gz');
}
