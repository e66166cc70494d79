// The lock file names every optional package with its version: npm ci refuses one that does not.
import { readFile } from 'node:fs/promises';
import t from 'tap';

interface Locked {
  version?: string;
  optionalDependencies?: Record<string, string>;
}

t.test('every optional dependency of every package is in package-lock.json', async (t) => {
  const text = await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8');
  const packages: Record<string, Locked> = JSON.parse(text).packages;
  const missing: string[] = [];
  for (const [path, locked] of Object.entries(packages)) {
    for (const name of Object.keys(locked.optionalDependencies ?? {})) {
      const places = [`${path}/node_modules/${name}`, `node_modules/${name}`];
      if (!places.some((place) => packages[place]?.version !== undefined))
        missing.push(`${name} (of ${path})`);
    }
  }
  // A registry that lacks packages of other platforms makes `npm install` leave them out silently.
  t.same(missing, []);
});

t.test('package-lock.json names no registry', async (t) => {
  const text = await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8');
  t.notMatch(text, /"resolved": "https?:/);
});
