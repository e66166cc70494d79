// npm run package [-- --arch amd64|arm64] [--version V] [--output FOLDER] [--quick]: makes innkeeper_VERSION_ARCH.deb, prints its path.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { bundledPackages } from './bundled.ts';
import { tomlFile } from './config-reference.ts';
import { buildDeb } from './deb.ts';
import * as documents from './documents.ts';
import { writeProgram } from './program.ts';
import { runtimeFor } from './runtime.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const CONFFILE = '/etc/innkeeper/innkeeper.toml';
const HERE: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** SOURCE_DATE_EPOCH, or when the commit was made. */
async function releaseDate(): Promise<Date> {
  const given = process.env.SOURCE_DATE_EPOCH;
  const seconds = given ?? (await run('git', ['-C', root, 'log', '-1', '--format=%ct'])).stdout.trim();
  if (!/^\d+$/.test(seconds)) throw new Error('SOURCE_DATE_EPOCH must be seconds since 1970');
  return new Date(Number(seconds) * 1000);
}

/** Everything of the package below `tree`. */
async function fill(tree: string, release: documents.Release): Promise<void> {
  const lib = join(tree, 'usr/lib/innkeeper');
  const doc = join(tree, 'usr/share/doc/innkeeper');
  const put = async (path: string, content: string | Buffer) => {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), content);
  };
  const bundled = await bundledPackages(root);
  await writeProgram(root, lib, release.version);
  await mkdir(join(lib, 'bin'), { recursive: true });
  await cp(join(release.runtime.folder, 'bin/node'), join(lib, 'bin/node'));
  await put('usr/bin/innkeeper', await readFile(join(root, 'systemd/innkeeper.launcher')));
  for (const unit of ['innkeeper.service', 'innkeeper.socket']) {
    await put(`usr/lib/systemd/system/${unit}`, await readFile(join(root, 'systemd', unit)));
  }
  await put(CONFFILE.slice(1), tomlFile());
  await put('usr/share/man/man8/innkeeper.8.gz', gzip(documents.commandManual(release)));
  await put('usr/share/man/man5/innkeeper.toml.5.gz', gzip(documents.configManual(release)));
  await put('usr/share/bash-completion/completions/innkeeper', documents.bashCompletion());
  await put('usr/share/lintian/overrides/innkeeper', await readFile(join(root, 'systemd/debian.overrides')));
  await mkdir(doc, { recursive: true });
  await writeFile(join(doc, 'copyright'), await documents.copyrightFile(root, bundled, release));
  await writeFile(join(doc, 'changelog.gz'), gzip(documents.changelogFile(release)));
  await writeFile(join(doc, 'CHANGELOG.md.gz'), gzip(await readFile(join(root, 'CHANGELOG.md'), 'utf8')));
  await writeFile(join(doc, 'sbom.cdx.json'), await documents.sbomFile(root, bundled, release));
}

const gzip = (text: string) => gzipSync(text, { level: 9 });

const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: HERE[process.arch] ?? 'amd64' },
    version: { type: 'string' },
    // Hardly compressed, for tests: most of the time goes into making it small.
    quick: { type: 'boolean', default: false },
    output: { type: 'string', default: join(root, 'dist') },
  },
});
const packageVersion: string = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).version;
const version = values.version ?? packageVersion;
if (!/^\d[A-Za-z0-9.+~]*$/.test(version)) throw new Error(`${version} is not the version of a package`);
await mkdir(values.output, { recursive: true });
const output = join(resolve(values.output), `innkeeper_${version}_${values.arch}.deb`);
const work = await mkdtemp(join(values.output, '.build-'));
try {
  const release = { version, date: await releaseDate(), runtime: await runtimeFor(root, values.arch) };
  const tree = join(work, 'tree');
  await mkdir(tree);
  await fill(tree, release);
  await buildDeb({
    tree,
    version,
    architecture: values.arch,
    date: release.date,
    compress: !values.quick,
    scripts: join(root, 'systemd/debian'),
    conffiles: [CONFFILE],
    output,
  });
} finally {
  await rm(work, { recursive: true, force: true });
}
console.log(output);
