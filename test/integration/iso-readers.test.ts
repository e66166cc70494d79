// Other people's programs read our media: isoinfo and xorriso find every name and every byte.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CONTEXT_KINDS, contextFiles, type MediumFile, writeIso } from '../../contextualization/mod.ts';
import { facts } from '../helpers/context-facts.ts';
import { randomTree } from '../helpers/iso-trees.ts';

const TREES = 60;

const run = (command: string, args: string[]) =>
  execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 });

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

t.test(`xorriso extracts ${TREES} random trees as they were`, async (t) => {
  const folder = t.testdir({});
  const args = ['-osirrox', 'on', '-abort_on', 'WARNING'];
  const trees = Array.from({ length: TREES }, (_, seed) => randomTree(seed));
  for (const [seed, files] of trees.entries()) {
    await writeIso(join(folder, `${seed}.iso`), { label: 'TREE', files });
    args.push('-indev', join(folder, `${seed}.iso`), '-extract', '/', join(folder, `out-${seed}`));
  }
  run('xorriso', args);
  for (const [seed, files] of trees.entries()) {
    t.same(differences(files, readTree(join(folder, `out-${seed}`))), [], `seed ${seed}`);
  }
});

t.test('isoinfo lists every Rock Ridge name, and as many Joliet and plain ones', async (t) => {
  const folder = t.testdir({});
  for (let seed = 100; seed < 120; seed += 1) {
    const files = randomTree(seed).filter(({ path }) => !/[\n\t]/.test(path));
    const image = join(folder, `${seed}.iso`);
    await writeIso(image, { label: 'TREE', files });
    const list = (...args: string[]) =>
      run('isoinfo', [...args, '-f', '-i', image])
        .toString()
        .trimEnd()
        .split('\n');
    const nodes = new Set<string>();
    for (const { path } of files) {
      const parts = path.split('/');
      for (let n = 1; n <= parts.length; n += 1) nodes.add(`/${parts.slice(0, n).join('/')}`);
    }
    t.same(list('-R').sort(), [...nodes].sort(), `seed ${seed}: Rock Ridge`);
    t.equal(new Set(list()).size, nodes.size, `seed ${seed}: plain names, all different`);
    // isoinfo shows Joliet in 8-bit character sets only, where different names may look the same.
    t.equal(list('-J').length, nodes.size, `seed ${seed}: Joliet names`);
  }
});

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
    const about = run('isoinfo', ['-d', '-i', image]).toString();
    t.match(about, `Volume id: ${labels[kind]}`);
    t.match(about, `Volume size is: ${bytes / 2048}`);
    t.match(about, /Joliet with UCS level 3 found/);
    t.match(about, /Rock Ridge signatures version 1 found/);
    const probe = run('blkid', ['-p', '-o', 'export', image]).toString().split('\n');
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
  const list = run('isoinfo', ['-R', '-l', '-i', image]).toString();
  t.match(list, /^-r-------- {3}1 {4}0 {4}0 .* 6 Mar {2}4 2026 .* secret\.txt/m);
  t.match(list, /^-r-xr-xr-x {3}1 {4}0 {4}0 .* run/m);
  t.match(list, /^dr-xr-xr-x {3}2 {4}0 {4}0 .* sub/m);
  t.equal(run('isoinfo', ['-R', '-x', '/sub/secret.txt', '-i', image]).toString(), 'hidden');
  t.equal(run('isoinfo', ['-J', '-x', '/sub/secret.txt;1', '-i', image]).toString(), 'hidden');
  t.equal(run('isoinfo', ['-x', '/SUB/SECRET.TXT;1', '-i', image]).toString(), 'hidden');
});

t.test('a directory of many sectors keeps all its files', async (t) => {
  const folder = t.testdir({});
  const files = Array.from({ length: 1500 }, (_, i) => ({
    path: `many/${'name'.repeat(i % 50)}-${i}`,
    content: Buffer.from(String(i)),
  }));
  await writeIso(join(folder, 'a.iso'), { label: 'MANY', files });
  run('xorriso', ['-osirrox', 'on', '-indev', join(folder, 'a.iso'), '-extract', '/', join(folder, 'out')]);
  t.same(differences(files, readTree(join(folder, 'out'))), []);
});
