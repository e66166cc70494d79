// What the package ships is all there: every program that a source starts by its path is beside it.
import { execFile } from 'node:child_process';
import { access, glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { writeProgram } from '../../scripts/package/program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

t.test('programs of children and workers are shipped with those who start them', async (t) => {
  const target = t.testdir();
  await writeProgram(root, target, '1.2.3');
  const started = new Set<string>();
  for await (const file of glob('**/*.js', { cwd: target })) {
    const text = await readFile(join(target, file), 'utf8');
    for (const [, path] of text.matchAll(/new URL\("(\.{1,2}\/[^"]*)", import\.meta\.url\)/g)) {
      const program = join(target, dirname(file), path!);
      started.add(program);
      await t.resolves(access(program), `${file} finds ${path}`);
    }
    t.notMatch(text, root, `${file} names no path of who built it`);
  }
  t.ok(started.size >= 6, `${started.size} files are found by their path`);
  const main = join(target, 'program/main.js');
  const { stdout } = await promisify(execFile)(process.execPath, [main, '--version']);
  t.equal(stdout.trim(), '1.2.3', 'and it runs without anything around it');
});
