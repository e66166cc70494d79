// The program as it is shipped: every source file with its types taken out, line for line.
import { copyFile, glob, mkdir, readFile, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';

/** The folders that run on a host; nothing else of the repository is shipped. */
const FOLDERS = ['agent', 'drivers', 'metadata-server', 'contextualization'];

/**
 * Types become blanks, so that lines and columns of a stack trace are those of the source; a relative path to a `.ts`
 * file (an import, a worker, a child's program) becomes one to its `.js`. Node could run the sources as they are, but
 * would strip them again at every start.
 */
export function toJavaScript(source: string): string {
  return stripTypeScriptTypes(source, { mode: 'strip' }).replace(
    /(['"])(\.{1,2}\/[^'"\n]*)\.ts\1/g,
    '$1$2.js$1',
  );
}

/** Writes the program below `target`; `version` is what it says of itself. */
export async function writeSources(root: string, target: string, version: string): Promise<void> {
  for await (const file of glob(`{${FOLDERS.join(',')}}/**/*.ts`, { cwd: root })) {
    const path = join(target, file.replace(/\.ts$/, '.js'));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, toJavaScript(await readFile(join(root, file), 'utf8')));
  }
  // Programs of children that are no TypeScript: they are read by other interpreters, or must start at once.
  for await (const file of glob(`{${FOLDERS.join(',')}}/**/*.{cjs,pl}`, { cwd: root })) {
    const path = join(target, file);
    await mkdir(dirname(path), { recursive: true });
    await copyFile(join(root, file), path);
  }
  const { name, license } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const shipped = { name, version, license, type: 'module', private: true };
  await writeFile(join(target, 'package.json'), `${JSON.stringify(shipped, null, 2)}\n`);
}
