// Every link from one page to a file of this repository leads somewhere.
import { access, glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../..', import.meta.url));

t.test('relative links in the pages lead to files that exist', async (t) => {
  const broken: string[] = [];
  let links = 0;
  const exclude = (name: string) => name === 'node_modules' || name === '.cache';
  for await (const page of glob('**/*.md', { cwd: root, exclude })) {
    const text = await readFile(join(root, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links += 1;
      const found = await access(join(root, dirname(page), target)).then(
        () => true,
        () => false,
      );
      if (!found) broken.push(`${page}: ${target}`);
    }
  }
  t.same(broken, []);
  t.ok(links > 0, 'there were links to follow');
});
