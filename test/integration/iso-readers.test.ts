// Other people's programs read our media: isoinfo and xorriso find every name and every byte.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { CONTEXT_KINDS, contextFiles, type MediumFile, writeIso } from '../../contextualization/mod.ts';
import { facts } from '../helpers/context-facts.ts';
import { pathsOf, randomTree } from '../helpers/iso-trees.ts';

const TREES = 1000;
/** As many as one xorriso is told of on its command line. */
const AT_ONCE = 100;
/** One shell for all of them: Node takes longer to start a program than isoinfo to read a small image. */
const ISOINFO =
  'for i; do isoinfo -l -R -i "$i" >"$i.l"; isoinfo -f -i "$i" >"$i.f"; isoinfo -f -J -i "$i" >"$i.j"; done';

/** What a program prints. */
async function run(command: string, args: string[]): Promise<Buffer> {
  const { stdout } = await promisify(execFile)(command, args, { encoding: 'buffer', maxBuffer: 1 << 28 });
  return stdout;
}

function readTree(folder: string, prefix = ''): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const name of readdirSync(join(folder, prefix))) {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    if (!statSync(join(folder, path)).isDirectory()) found.set(path, readFileSync(join(folder, path)));
    else for (const [below, bytes] of readTree(folder, path)) found.set(below, bytes);
  }
  return found;
}

function differences(files: MediumFile[], found: Map<string, Buffer>): string[] {
  const wrong = files.filter(({ path, content }) => !found.get(path)?.equals(content as Uint8Array));
  const paths = new Set(files.map(({ path }) => path));
  return [...wrong.map(({ path }) => path), ...[...found.keys()].filter((path) => !paths.has(path))];
}

t.test(`xorriso and isoinfo read ${TREES} random trees as they were`, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ikt-iso-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const wrong: string[] = [];
  for (let first = 0; first < TREES; first += AT_ONCE) {
    const trees = Array.from({ length: AT_ONCE }, (_, n) => ({
      seed: first + n,
      files: randomTree(first + n),
    }));
    const image = (seed: number) => join(folder, `${first}`, `${seed}.iso`);
    await mkdir(join(folder, `${first}`));
    for (const { seed, files } of trees)
      await writeIso(image(seed), { label: 'TREE', files }, { sync: false });
    const out = (seed: number) => join(folder, `${first}`, `out-${seed}`);
    const args = trees.flatMap(({ seed }) => ['-indev', image(seed), '-extract', '/', out(seed)]);
    const images = trees.map(({ seed }) => image(seed));
    await Promise.all([
      run('xorriso', ['-osirrox', 'on', '-abort_on', 'WARNING', ...args]),
      run('sh', ['-ec', ISOINFO, 'isoinfo', ...images]),
    ]);
    for (const { seed, files } of trees) {
      for (const path of differences(files, readTree(out(seed))))
        wrong.push(`xorriso, seed ${seed}: ${path}`);
      for (const what of isoinfoDifferences(image(seed), files)) {
        wrong.push(`isoinfo, seed ${seed}: ${what}`);
      }
    }
    await rm(join(folder, `${first}`), { recursive: true });
  }
  t.same(wrong, []);
});

/** What isoinfo sees differently: names by Rock Ridge, their number by the plain names and Joliet, every byte. */
function isoinfoDifferences(image: string, files: MediumFile[]): string[] {
  const [long, plain, joliet] = ['l', 'f', 'j'].map((list) => readFileSync(`${image}.${list}`));
  const paths = pathsOf(files);
  const found: string[] = [];
  const wrong: string[] = [];
  const bytes = readFileSync(image);
  const contents = new Map(files.map(({ path, content }) => [path, content as Uint8Array]));
  for (const { path, extent, size } of listed(long!.toString())) {
    found.push(path);
    const content = contents.get(path);
    const read = bytes.subarray(extent * 2048, extent * 2048 + size);
    if (content !== undefined && !read.equals(content)) wrong.push(`content of ${path}`);
  }
  if (found.sort().join('\0') !== paths.sort().join('\0')) wrong.push('Rock Ridge names');
  // All different; isoinfo shows Joliet in 8-bit character sets only, where different names may look the same.
  const lines = (text: Buffer) => text.toString('latin1').slice(0, -1).split('\n');
  if (new Set(lines(plain!)).size !== paths.length) wrong.push('plain names');
  const lineFeeds = paths.filter((path) => path.includes('\n')).length;
  if (lineFeeds === 0 && lines(joliet!).length !== paths.length) wrong.push('Joliet names');
  return wrong;
}

/** The rows of `isoinfo -l -R`; a name ends where the next row, or nothing, begins. */
function listed(text: string): { path: string; extent: number; size: number }[] {
  const row =
    /^[d-][rwx-]{9} +\d+ +\d+ +\d+ +(\d+) .{11} \[ *(\d+) \d\d\] {2}([\s\S]*?) $(?=\n[d-][rwx-]{9} |\n?(?![\s\S]))/gm;
  return text
    .split('\nDirectory listing of /')
    .slice(1)
    .flatMap((section) => {
      const start = section.search(/\n[d-][rwx-]{9} /);
      const folder = section.slice(0, start);
      return [...section.slice(start + 1).matchAll(row)]
        .map(([, size, extent, name]) => ({
          path: folder + name,
          extent: Number(extent),
          size: Number(size),
        }))
        .filter(({ path }) => !/(?:^|\/)\.\.?$/.test(path));
    });
}

t.test('the descriptors say what isoinfo and blkid look for', async (t) => {
  const folder = t.testdir({});
  const labels = {
    opennebula: 'CONTEXT',
    nocloud: 'cidata',
    'config-drive': 'config-2',
    ovf: 'OVF-TRANSPORT',
  };
  for (const kind of CONTEXT_KINDS) {
    const image = join(folder, `${kind}.iso`);
    const { bytes } = await writeIso(image, contextFiles(kind, facts()));
    t.equal(statSync(image).size, bytes);
    const about = (await run('isoinfo', ['-d', '-i', image])).toString();
    t.match(about, `Volume id: ${labels[kind]}`);
    t.match(about, `Volume size is: ${bytes / 2048}`);
    t.match(about, /Joliet with UCS level 3 found/);
    t.match(about, /Rock Ridge signatures version 1 found/);
    const probe = (await run('blkid', ['-p', '-o', 'export', image])).toString().split('\n');
    t.ok(probe.includes(`LABEL=${labels[kind]}`), `${kind}: blkid sees the label`);
    t.ok(probe.includes('TYPE=iso9660'), `${kind}: and the type`);
  }
});

t.test('Rock Ridge gives modes, owner and times; both trees lead to the same bytes', async (t) => {
  const image = join(t.testdir({}), 'a.iso');
  const files = [
    { path: 'sub/secret.txt', content: Buffer.from('hidden') },
    { path: 'sub/run', content: Buffer.from('#!/bin/sh\n'), mode: 0o555 },
  ];
  await writeIso(image, { label: 'A', files, time: new Date('2026-03-04T05:06:07Z') });
  const list = (await run('isoinfo', ['-R', '-l', '-i', image])).toString();
  t.match(list, /^-r-------- {3}1 {4}0 {4}0 .* 6 Mar {2}4 2026 .* secret\.txt/m);
  t.match(list, /^-r-xr-xr-x {3}1 {4}0 {4}0 .* run/m);
  t.match(list, /^dr-xr-xr-x {3}2 {4}0 {4}0 .* sub/m);
  t.equal((await run('isoinfo', ['-R', '-x', '/sub/secret.txt', '-i', image])).toString(), 'hidden');
  t.equal((await run('isoinfo', ['-J', '-x', '/sub/secret.txt;1', '-i', image])).toString(), 'hidden');
  t.equal((await run('isoinfo', ['-x', '/SUB/SECRET.TXT;1', '-i', image])).toString(), 'hidden');
});

t.test('a directory of many sectors keeps all its files', async (t) => {
  const folder = t.testdir({});
  const files = Array.from({ length: 1500 }, (_, i) => ({
    path: `many/${'name'.repeat(i % 50)}-${i}`,
    content: Buffer.from(String(i)),
  }));
  await writeIso(join(folder, 'a.iso'), { label: 'MANY', files });
  await run('xorriso', [
    '-osirrox',
    'on',
    '-indev',
    join(folder, 'a.iso'),
    '-extract',
    '/',
    join(folder, 'out'),
  ]);
  t.same(differences(files, readTree(join(folder, 'out'))), []);
});
