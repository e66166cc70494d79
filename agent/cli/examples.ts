// Examples of a command: shown below its help and in the manual.
import type { Command } from 'commander';
import type { CommandRow } from './command-row.ts';

const known = new WeakMap<Command, readonly string[]>();

/** What a word of a command line may look like, by the name of the argument. */
const WORDS: Record<string, string> = {
  vserver: 'web',
  vnet: 'lan',
  vnic: 'vnic-1a2b3c4d',
  disk: 'data',
  image: 'debian',
  operation: 'r-1',
  name: 'new',
  gb: '20',
  backup: 'data-monday',
};

/** Shows them at the end of the command's help. */
export function withExamples(command: Command, ...examples: string[]): Command {
  known.set(command, examples);
  const title = examples.length === 1 ? 'Example' : 'Examples';
  return command.addHelpText('after', `\n${title}:\n${examples.map((one) => `  ${one}`).join('\n')}`);
}

export function examplesOf(command: Command): readonly string[] {
  return known.get(command) ?? [];
}

/** The row's own example, or the least that it can be called with. */
export function exampleOf({ noun, verb, example, arguments: words = [] }: CommandRow): string {
  return example ?? ['innkeeper', noun, verb, ...words.map(({ name }) => WORDS[name] ?? name)].join(' ');
}
