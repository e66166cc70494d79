// The program as it is shipped: all of it, with the npm packages it uses, in a few files that Node reads quickly.
import { cp, glob, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

/** What is started by its path: the command, threads and children. Each becomes one file of that name. */
const STARTED = [
  'agent/cli/main.ts',
  'agent/capacity/machine-worker.ts',
  'agent/inventory/worker.ts',
  'agent/storage/files-helper.ts',
  'agent/doctor/guest-probe.ts',
];
/** All files of the bundle lie in this one folder, so that a path beside or above it is the same for each. */
const PROGRAM = 'program';
/** Packages of the CommonJS kind ask for Node's own modules by `require`. */
const BANNER = `import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);`;

/** A path to be started or read, relative to a source file, becomes one relative to the bundle. */
function pathsOf(root: string, started: readonly string[]): Plugin {
  return {
    name: 'paths',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        const contents = source
          .replaceAll(/new URL\('(\.[^']*)', import\.meta\.url\)/g, (_whole, to: string) => {
            const target = relative(root, resolve(dirname(path), to));
            if (target.endsWith('.ts') && !started.includes(target)) {
              throw new Error(`${target} is started by ${relative(root, path)}, and is not in the list`);
            }
            const place = target.endsWith('.ts') ? `./${basename(target, '.ts')}.js` : `../${target}`;
            return `new URL('${place}', import.meta.url)`;
          })
          .replaceAll('import.meta.main', 'false');
        return { contents, loader: 'ts' };
      });
    },
  };
}

/** Writes the program below `target`; `version` is what it says of itself, `more` are programs that go with it. */
export async function writeProgram(
  root: string,
  target: string,
  version: string,
  more: readonly string[] = [],
): Promise<void> {
  const started = [...STARTED, ...more];
  await build({
    absWorkingDir: root,
    entryPoints: started.map((file) => ({ in: file, out: basename(file, '.ts') })),
    outdir: join(target, PROGRAM),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    banner: { js: BANNER },
    // Names and line breaks stay: a stack trace is to be read by people.
    minify: false,
    legalComments: 'inline',
    logLevel: 'warning',
    plugins: [pathsOf(root, started)],
  });
  // Programs of children that are no TypeScript: another interpreter reads them.
  for await (const file of glob('{agent,drivers,metadata-server,contextualization}/**/*.pl', { cwd: root })) {
    await mkdir(dirname(join(target, file)), { recursive: true });
    await cp(join(root, file), join(target, file));
  }
  const { name, license } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const shipped = { name, version, license, type: 'module', private: true };
  await writeFile(join(target, 'package.json'), `${JSON.stringify(shipped, null, 2)}\n`);
}
