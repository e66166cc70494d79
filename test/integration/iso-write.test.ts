// The image on disk: identical for identical input, in bounded memory, complete or not there.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { imagePieces } from '../../contextualization/iso9660/mod.ts';
import { layOut, type Medium, removeIso, writeIso } from '../../contextualization/mod.ts';
import { randomTree } from '../helpers/iso-trees.ts';

const MIB = 1 << 20;
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const small: Medium = { label: 'A', files: [{ path: 'a', content: Buffer.from('new') }] };

t.test('identical input gives identical bytes, also when a file is streamed', async (t) => {
  const folder = t.testdir({});
  const files = randomTree(7);
  for (const { path, content } of files) {
    writeFileSync(join(folder, `src-${sha(Buffer.from(path))}`), content as Uint8Array);
  }
  const streamed = files.map(({ path, content }) => ({
    path,
    content: {
      file: join(folder, `src-${sha(Buffer.from(path))}`),
      size: (content as Uint8Array).byteLength,
    },
  }));
  await writeIso(join(folder, 'one.iso'), { label: 'A', files });
  await writeIso(join(folder, 'two.iso'), { label: 'A', files: [...files].reverse() });
  await writeIso(join(folder, 'three.iso'), { label: 'A', files: streamed });
  const [one, two, three] = ['one', 'two', 'three'].map((name) =>
    sha(readFileSync(join(folder, `${name}.iso`))),
  );
  t.equal(two, one);
  t.equal(three, one);
});

t.test(
  'many small files and long ones, in memory and streamed, are written as they are sent elsewhere',
  async (t) => {
    const folder = t.testdir({});
    const lengths = [0, 1, 2048, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 777];
    const long = lengths.map((size) => ({
      size,
      bytes: randomBytes(size),
      file: join(folder, `src-${size}`),
    }));
    for (const { file, bytes } of long) writeFileSync(file, bytes);
    const files = [
      ...Array.from({ length: 1_500 }, (_, n) => ({ path: `d/${n}`, content: randomBytes(n) })),
      ...long.map(({ size, bytes }) => ({ path: `d/1${size}-memory`, content: bytes })),
      ...long.map(({ size, file }) => ({ path: `d/1${size}-streamed`, content: { file, size } })),
    ];
    const medium = { label: 'A', files };
    const { bytes } = await writeIso(join(folder, 'a.iso'), medium);
    const sent = createHash('sha256');
    for await (const piece of imagePieces(layOut(medium))) sent.update(piece);
    const written = readFileSync(join(folder, 'a.iso'));
    t.equal(written.length, bytes);
    t.equal(sha(written), sent.digest('hex'));
    for (const { bytes } of long.slice(-2)) {
      const first = written.indexOf(bytes.subarray(0, 64));
      const second = written.indexOf(bytes.subarray(0, 64), first + 1);
      for (const at of [first, second]) t.ok(bytes.equals(written.subarray(at, at + bytes.length)));
    }
  },
);

t.test('a file of 50 MB is streamed: byte for byte, and without holding it in memory', async (t) => {
  const folder = t.testdir({});
  const size = 50 * MIB + 123;
  const source = randomBytes(size);
  writeFileSync(join(folder, 'source'), source);
  const writer = join(import.meta.dirname, '../helpers/iso-memory.ts');
  const grown = Number(
    execFileSync(process.execPath, [
      writer,
      join(folder, 'a.iso'),
      join(folder, 'source'),
      String(size),
    ]).toString(),
  );
  t.ok(grown < 16 * MIB, `peak memory grew by ${grown} bytes`);
  const image = readFileSync(join(folder, 'a.iso'));
  const at = image.indexOf(source.subarray(0, 64));
  t.equal(at % 2048, 0);
  t.equal(sha(image.subarray(at, at + size)), sha(source));
});

t.test('the image belongs to whom it is told, and to nobody else', async (t) => {
  const folder = t.testdir({});
  await writeIso(join(folder, 'private.iso'), small);
  t.equal(statSync(join(folder, 'private.iso')).mode & 0o777, 0o600);
  await writeIso(join(folder, 'given.iso'), small, { mode: 0o440, owner: { uid: 64_000, gid: 64_001 } });
  t.match(statSync(join(folder, 'given.iso')), { mode: 0o100440, uid: 64_000, gid: 64_001 });
});

t.test('a write that fails leaves nothing, and an older image as it was', async (t) => {
  const folder = t.testdir({ source: 'twelve bytes', 'old.iso': 'old', long: 'x'.repeat(3 * MIB) });
  const cases: [string, Medium, { code: string; message?: RegExp }][] = [
    ['shorter', of(join(folder, 'source'), 13), { code: 'invalid', message: /shorter/ }],
    ['longer', of(join(folder, 'source'), 11), { code: 'invalid', message: /longer/ }],
    ['shorter, and long', of(join(folder, 'long'), 5 * MIB), { code: 'invalid', message: /shorter/ }],
    ['longer, and long', of(join(folder, 'long'), 2 * MIB), { code: 'invalid', message: /longer/ }],
    ['missing', of(join(folder, 'nothing'), 11), { code: 'ENOENT' }],
    ['a directory', of(folder, 11), { code: 'EISDIR' }],
    ['a bad name', { label: 'A', files: [{ path: '..', content: Buffer.alloc(0) }] }, { code: 'invalid' }],
  ];
  for (const [name, medium, error] of cases) {
    await t.rejects(writeIso(join(folder, 'old.iso'), medium), error, name);
    await t.rejects(writeIso(join(folder, 'new.iso'), medium), error, name);
  }
  t.same(readdirSync(folder).sort(), ['long', 'old.iso', 'source']);
  t.equal(readFileSync(join(folder, 'old.iso'), 'utf8'), 'old');
  await t.rejects(writeIso(join(folder, 'no/such/folder.iso'), small), { code: 'ENOENT' });
  await writeIso(join(folder, 'old.iso'), small);
  t.equal(
    readFileSync(join(folder, 'old.iso')).subarray(32769, 32774).toString(),
    'CD001',
    'then it is replaced',
  );
});

t.test('what a crash left over goes with the next write, or with the image', async (t) => {
  const folder = t.testdir({ '.a.iso.tmp': 'half', '.b.iso.tmp': 'half', 'b.iso': 'whole' });
  await writeIso(join(folder, 'a.iso'), small);
  t.same(readdirSync(folder).sort(), ['.b.iso.tmp', 'a.iso', 'b.iso']);
  await removeIso(join(folder, 'b.iso'));
  await removeIso(join(folder, 'b.iso'));
  t.same(readdirSync(folder), ['a.iso']);
});

t.test('a full disk leaves nothing', async (t) => {
  const folder = t.testdir({ source: 'x'.repeat(2 * MIB) });
  // Outside tap's own folder, which tap could not remove with something mounted in it.
  const disk = mkdtempSync(join(tmpdir(), 'innkeeper-iso-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'innkeeper-test', disk]);
  try {
    await t.rejects(writeIso(join(disk, 'a.iso'), of(join(folder, 'source'), 2 * MIB)), { code: 'ENOSPC' });
    const inMemory = { label: 'A', files: [{ path: 'a', content: Buffer.alloc(2 * MIB) }] };
    await t.rejects(writeIso(join(disk, 'a.iso'), inMemory), { code: 'ENOSPC' });
    t.same(readdirSync(disk), []);
  } finally {
    execFileSync('umount', [disk]);
    rmdirSync(disk);
  }
});

function of(file: string, size: number): Medium {
  return { label: 'A', files: [{ path: 'a', content: { file, size } }] };
}
