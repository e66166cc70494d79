// The npm packages that are in the bundle: which ones, by the lock file, and their licences.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Locked {
  version: string;
  integrity?: string;
  license?: string;
  dependencies?: Record<string, string>;
}

export interface BundledPackage {
  name: string;
  version: string;
  license: string;
  /** Path below the repository, such as node_modules/ws. */
  path: string;
}

/** tar-stream uses them in another runtime only; they carry native code. */
const FOR_OTHER_RUNTIMES = /(^|\/)bare-[a-z]+$/;
const LICENSE_FILE = /^(licen[cs]e|notice|copying)/i;
export async function lockFile(root: string): Promise<Record<string, Locked>> {
  return JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')).packages;
}

/** The closure of what package.json depends on, each found where Node would find it. */
export async function bundledPackages(root: string): Promise<BundledPackage[]> {
  const locked = await lockFile(root);
  const found = new Map<string, BundledPackage>();
  const add = (name: string, from: string): void => {
    if (FOR_OTHER_RUNTIMES.test(name)) return;
    let base = from;
    while (locked[join(base, 'node_modules', name)] === undefined) {
      if (base === '') throw new Error(`${name}, needed by ${from}, is not in package-lock.json`);
      base = base.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '');
    }
    const path = join(base, 'node_modules', name);
    if (found.has(path)) return;
    const { version, license = 'unknown', dependencies = {} } = locked[path]!;
    found.set(path, { name, version, license, path });
    for (const next of Object.keys(dependencies)) add(next, path);
  };
  for (const name of Object.keys(locked['']?.dependencies ?? {})) add(name, '');
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The licence texts of a package as its authors wrote them; undefined when they ship none. */
export async function licenseText(root: string, path: string): Promise<string | undefined> {
  const files = (await readdir(join(root, path))).filter((file) => LICENSE_FILE.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(root, path, file), 'utf8')));
  return texts.length === 0 ? undefined : texts.join('\n').replaceAll('\r\n', '\n');
}
