// innkeeper(8): the manual page, made from the command itself, so that nothing is missing in it.
import type { Command, Option } from 'commander';
import { examplesOf } from './examples.ts';

/** Whose manual it is. */
export interface ManualOf {
  version: string;
  date: Date;
}

/** Text as troff takes it (groff_char(7), "Fonts and graphic variations"): nothing in it is a command. */
export function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq')
    .replaceAll('`', '\\(ga')
    .replace(/^(['.])/gm, '\\&$1');
}

/** First line of a page (man(7)). */
export function heading(title: string, section: number, { version, date }: ManualOf): string {
  return `.TH ${title} ${section} ${date.toISOString().slice(0, 10)} "Innkeeper ${version}"`;
}

const optionLines = ({ flags, description, defaultValue, argChoices }: Option): string[] => {
  const choices = argChoices ? ` One of ${argChoices.join(', ')}.` : '';
  const fallback = typeof defaultValue === 'string' ? ` Default: ${defaultValue}.` : '';
  return ['.TP', `.B ${roff(flags)}`, roff(`${description}.${choices}${fallback}`)];
};

/** Every command with its arguments, options and examples, in the order of the help. */
function commandLines(command: Command, path: string): string[] {
  if (command.commands.length > 0) {
    return command.commands.flatMap((next) => commandLines(next, `${path} ${next.name()}`));
  }
  const words = command.registeredArguments.map((one) =>
    one.required ? `<${one.name()}>` : `[${one.name()}]`,
  );
  const aliases = command.aliases().length > 0 ? ` Also: ${command.aliases().join(', ')}.` : '';
  const examples = examplesOf(command);
  return [
    '.TP',
    `.B ${roff([path, ...words].join(' '))}`,
    roff(`${command.description()}.${aliases}`),
    '.RS',
    ...command.registeredArguments.flatMap((one) => [
      '.TP',
      `.I ${roff(one.name())}`,
      roff(`${one.description}.`),
    ]),
    ...command.options.flatMap(optionLines),
    ...(examples.length > 0 ? ['.PP', '.nf', ...examples.map((line) => `.B ${roff(line)}`), '.fi'] : []),
    '.RE',
  ];
}

/** @param program of `buildProgram` */
export function commandManual(program: Command, of: ManualOf): string {
  const groups = program.commands.filter(({ commands }) => commands.length > 0);
  const single = program.commands.filter(({ commands }) => commands.length === 0);
  const exits: [string, string][] = [
    ['0', 'done'],
    ['1', 'the agent refused, or doctor or config check found a fault'],
    ['2', 'wrong usage; the agent was not asked'],
    ['3', 'the agent cannot be reached, or went away before it answered'],
    ['130', 'interrupted while waiting; the operation goes on'],
  ];
  return `${[
    heading('INNKEEPER', 8, of),
    '.SH NAME',
    `innkeeper \\- ${roff('looks after the VServers of this host')}`,
    '.SH SYNOPSIS',
    '.B innkeeper',
    roff('[--socket path] [-o format] command [arguments]'),
    '.SH DESCRIPTION',
    'Speaks to the agent of this host by its socket.',
    'Wherever a VServer, VNet, image or disk is named, its name or its id will do.',
    '.SH OPTIONS',
    ...program.options.flatMap(optionLines),
    ...groups.flatMap((group) => [
      `.SS ${roff(group.description())}`,
      ...commandLines(group, `innkeeper ${group.name()}`),
    ]),
    '.SS other commands',
    ...single.flatMap((command) => commandLines(command, `innkeeper ${command.name()}`)),
    '.SH EXIT STATUS',
    ...exits.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, `${roff(meaning)}.`]),
    '.SH ENVIRONMENT',
    '.TP',
    '.B INNKEEPER_SOCKET',
    roff('Socket of the agent, where --socket does not name one.'),
    '.SH FILES',
    roff('/etc/innkeeper/innkeeper.toml, /var/lib/innkeeper, /run/innkeeper/innkeeper.sock'),
    '.SH SEE ALSO',
    'innkeeper.toml(5), systemctl(1), virsh(1)',
  ].join('\n')}\n`;
}
