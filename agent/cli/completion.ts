// innkeeper completion: a shell script that knows all commands and options, made from the command itself.
import type { Command } from 'commander';
import { withExamples } from './examples.ts';
import { UsageError } from './failures.ts';

/** Words that may follow a command: its subcommands and options. */
function wordsOf(command: Command): string[] {
  const options = command.options.flatMap(({ short, long }) =>
    [long, short].filter((word) => word !== undefined),
  );
  return [...command.commands.flatMap((each) => [each.name(), ...each.aliases()]), ...options, '--help'];
}

/** The script for bash; zsh reads it after `bashcompinit`. Words are ours alone, so nothing in them needs quoting. */
export function bashCompletion(program: Command): string {
  const globals = wordsOf(program).filter((word) => word.startsWith('-'));
  const cases = program.commands.flatMap((noun) => [
    `    ${noun.name()}) words="${[...wordsOf(noun), ...globals].join(' ')}" ;;`,
    ...noun.commands.flatMap((verb) =>
      [verb.name(), ...verb.aliases()].map(
        (name) => `    "${noun.name()} ${name}") words="${[...wordsOf(verb), ...globals].join(' ')}" ;;`,
      ),
    ),
  ]);
  return `# bash completion of innkeeper; load it by: eval "$(innkeeper completion bash)"
_innkeeper() {
  local word path='' words="${wordsOf(program).join(' ')}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  # A command and its verb; what follows are names.
  path=$(printf '%s' "$path" | cut -d ' ' -f 1,2)
  case "$path" in
    '') ;;
${cases.join('\n')}
    *) words='' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _innkeeper innkeeper
`;
}

/** Adds the command. */
export function addCompletion(program: Command): void {
  const command = program
    .command('completion')
    .description('print the completion script of a shell: bash, or zsh after bashcompinit')
    .argument('[shell]', 'bash or zsh', 'bash')
    .action((shell: string) => {
      if (shell !== 'bash' && shell !== 'zsh') throw new UsageError(`there is no completion for ${shell}`);
      const start = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
      process.stdout.write(start + bashCompletion(program));
    });
  withExamples(
    command,
    'innkeeper completion bash > /etc/bash_completion.d/innkeeper',
    'eval "$(innkeeper completion bash)"',
  );
}
