// innkeeper completion: a shell script that knows all commands and options, made from the command itself, and asks for names.
import type { Command } from 'commander';
import { withExamples } from './examples.ts';
import { UsageError } from './failures.ts';
import { KINDS } from './names.ts';

/** Words that may follow a command: its subcommands and options. */
function wordsOf(command: Command): string[] {
  const options = command.options.flatMap(({ short, long }) =>
    [long, short].filter((word) => word !== undefined),
  );
  return [...command.commands.flatMap((each) => [each.name(), ...each.aliases()]), ...options, '--help'];
}

/** One branch of the script: what may follow a command, and of which kind its first argument names something. */
function branch(path: string, command: Command, globals: readonly string[]): string {
  const argument = command.registeredArguments[0]?.name() ?? '';
  const kind = KINDS.has(argument) ? `; kind=${argument} at=${path.split(' ').length}` : '';
  const values = argument === 'kind' ? KINDS : [];
  // What follows the name of a command without verbs are its arguments.
  const pattern = command.commands.length > 0 || path.includes(' ') ? `'${path}'` : `'${path}'|'${path} '*`;
  return `    ${pattern}) words='${[...values, ...wordsOf(command), ...globals].join(' ')}'${kind} ;;`;
}

/** Options whose value names something: `-i|--image) kind=image ;;`. */
function valueBranches(program: Command): string[] {
  const options = program.commands.flatMap((noun) => noun.commands).flatMap(({ options }) => options);
  const branches = options.flatMap(({ flags, long, short }) => {
    const kind = /<(\w+)/.exec(flags)?.[1] ?? '';
    return KINDS.has(kind) ? [`    ${[short, long].filter(Boolean).join('|')}) kind=${kind} ;;`] : [];
  });
  return [...new Set(branches)];
}

/**
 * The script for bash; zsh reads it after `bashcompinit`. Words are ours, or plain ones that `innkeeper names` lets
 * through, so nothing in them needs quoting. Without an agent, names are not completed, and nothing is said.
 */
export function bashCompletion(program: Command): string {
  const globals = wordsOf(program).filter((word) => word.startsWith('-'));
  const branches = program.commands.flatMap((noun) => [
    branch(noun.name(), noun, globals),
    ...noun.commands.flatMap((verb) =>
      [verb.name(), ...verb.aliases()].map((name) => branch(`${noun.name()} ${name}`, verb, globals)),
    ),
  ]);
  return `# bash completion of innkeeper; load it by: eval "$(innkeeper completion bash)"
_innkeeper() {
  local here="\${COMP_WORDS[COMP_CWORD]}" before='' word words='${wordsOf(program).join(' ')}' kind='' at=0 path=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$before $word" in '--socket '*|'-o '*|'--output '*|*' -'*) ;; *) path+=("$word") ;; esac
    before=$word
  done
  # A command, and its verb if it has one.
  case "\${path[*]:0:2}" in
    '') ;;
${branches.join('\n')}
    *) words='' ;;
  esac
  # Its first argument comes right after them.
  [ "\${#path[@]}" = "$at" ] || kind=''
  case "$before" in
${valueBranches(program).join('\n')}
  esac
  [ -z "$kind" ] || [ "\${here:0:1}" = - ] || words="$words $("\${COMP_WORDS[0]}" names "$kind" 2>/dev/null)"
  COMPREPLY=($(compgen -W "$words" -- "$here"))
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
