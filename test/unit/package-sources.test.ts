// What the package ships is all there: every program that a source starts by its path is beside it.
import { access, glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { writeSources } from '../../scripts/package/sources.ts';

t.test('programs of children and workers are shipped with those who start them', async (t) => {
  const target = t.testdir();
  await writeSources(fileURLToPath(new URL('../..', import.meta.url)), target, '0.0.0');
  let started = 0;
  for await (const file of glob('**/*.js', { cwd: target })) {
    const text = await readFile(join(target, file), 'utf8');
    for (const [, path] of text.matchAll(
      /new URL\('(\.{1,2}\/[^']*\.(?:js|cjs|pl))', import\.meta\.url\)/g,
    )) {
      started++;
      const program = join(target, dirname(file), path!);
      await t.resolves(access(program), `${file} finds ${path}`);
    }
  }
  t.ok(started >= 4, `${started} programs are started by their path`);
});
