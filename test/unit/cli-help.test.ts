// Every command has examples that it can be called with, stands in the manual, and is completed by the shell.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import t from 'tap';
import { bashCompletion } from '../../agent/cli/completion.ts';
import { escapeByte } from '../../agent/cli/console.ts';
import { examplesOf } from '../../agent/cli/examples.ts';
import { commandManual } from '../../agent/cli/manual.ts';
import { buildProgram } from '../../agent/cli/program.ts';
import { viewers } from '../../agent/cli/screen.ts';

const program = buildProgram();

function leaves(command: Command, path: string[] = []): { command: Command; path: string[] }[] {
  const own = [...path, command.name()];
  if (command.commands.length > 0) return command.commands.flatMap((next) => leaves(next, own));
  return [{ command, path: own }];
}
const ALL = leaves(program);

/** Words of a simple command line; what a pipe or a substitution does with its output is its own business. */
function words(example: string): string[] {
  const [own = ''] = (/\$\((innkeeper[^)]*)\)/.exec(example)?.[1] ?? example).split(/ [|>] /);
  return (own.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^(['"])(.*)\1$/, '$2'));
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

t.test('each command has an example that it understands', async (t) => {
  t.ok(ALL.length > 50);
  for (const { command, path } of ALL) {
    const examples = examplesOf(command);
    t.ok(examples.length > 0, path.join(' '));
    for (const example of examples) {
      const given = words(example);
      // Options that all commands have may stand anywhere.
      t.same(given.filter((word) => path.includes(word)).slice(0, path.length), path, example);
      const { operands, unknown } = command.parseOptions(given.slice(path.length));
      t.same(
        unknown.filter((word) => !/^(--json|-o|yaml)$/.test(word)),
        [],
        example,
      );
      const needed = command.registeredArguments.filter(({ required }) => required).length;
      t.ok(operands.length >= needed, example);
      for (const { mandatory, long } of command.options) if (mandatory) t.match(example, long!, example);
    }
  }
});

t.test('help shows them, of groups, too', async (t) => {
  for (const command of [...program.commands, ...ALL.map(({ command }) => command)]) {
    t.match(helpOf(command), /\nExamples?:\n {2}\S/, command.name());
  }
});

t.test(
  'the manual has every command, option and example, and troff takes it without a warning',
  async (t) => {
    const page = commandManual(program, { version: '1.2.3', date: new Date(0) });
    const folder = await mkdtemp(join(tmpdir(), 'ikt-manual-'));
    t.teardown(() => rm(folder, { recursive: true }));
    const file = join(folder, 'innkeeper.8');
    await writeFile(file, page);
    const wide = ['-man', '-ww', '-Tutf8', '-rLL=400n', '-P-c', '-P-b', '-P-u', file];
    const { stdout, stderr } = await promisify(execFile)('groff', wide, { maxBuffer: 2 ** 24 });
    t.equal(stderr, '');
    // What is left is how a terminal would show it, with typographic dashes and quotes as they were typed.
    const text = stdout.replaceAll('−', '-').replaceAll('‐', '-');
    for (const { command, path } of ALL) {
      t.match(text, path.join(' '), path.join(' '));
      for (const { flags } of command.options) t.ok(text.includes(flags), flags);
      for (const example of examplesOf(command)) t.ok(text.includes(example), example);
    }
  },
);

t.test('the shell completes every command and option', async (t) => {
  const script = bashCompletion(program);
  for (const { command, path } of ALL) {
    t.ok(script.includes(path[1]!), path.join(' '));
    for (const { long } of command.options) t.ok(script.includes(long!), `${path.join(' ')} ${long}`);
  }
});

t.test('a key that leaves the console', async (t) => {
  t.equal(escapeByte('^]'), 0x1d);
  t.equal(escapeByte('^a'), 1);
  t.equal(escapeByte('^A'), 1);
  t.equal(escapeByte('^_'), 0x1f);
  t.equal(escapeByte('none'), undefined);
  for (const wrong of ['', ']', '^', '^1', '^AB', 'x'])
    t.throws(() => escapeByte(wrong), { name: 'UsageError' });
});

t.test('a screen can be looked at from here and from afar', async (t) => {
  t.same(viewers({ socket: '/s' }, 'h1', 'root'), [
    'vncviewer /s',
    'remote-viewer vnc+unix:///s',
    'ssh -N -L 5900:/s root@h1   and there: vncviewer localhost:5900',
  ]);
});
