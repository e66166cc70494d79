// The image library with real tools: what comes in is complete, checked and sealed, or leaves nothing behind.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { ImageLibrary, type ImageLibraryConfig, inspectImage, openPool } from '../../agent/storage/mod.ts';
import { holds, makeImage, mountTmpfs, scratch, tool } from '../helpers/disks.ts';
import { imageServer, serveUpTo } from '../helpers/image-server.ts';

const MiB = 2 ** 20;
const QUICK = { attempts: 3, pauseMs: 1, idleTimeoutMs: 400 };

async function setUp(t: Test, config: Partial<ImageLibraryConfig> = {}) {
  const directory = await scratch(t);
  const incoming = join(directory, 'incoming');
  await tool('mkdir', incoming);
  const path = config.path ?? join(directory, 'images');
  const library = new ImageLibrary({ allowedPaths: [incoming], download: QUICK, ...config, path });
  await library.open();
  const image = join(incoming, 'image.qcow2');
  await makeImage(image);
  return { directory, incoming, path, library, image, uri: `file://${image}` };
}

async function sum(path: string, kind: 'sha256' | 'sha512' = 'sha256'): Promise<string> {
  return `${kind}:${createHash(kind)
    .update(await readFile(path))
    .digest('hex')}`;
}

t.test('an image from a file: verified, sealed, and the same when asked again', async (t) => {
  const { library, image, uri } = await setUp(t);
  const checksum = await sum(image, 'sha512');
  const [first, second] = await Promise.all([
    library.register('im-1', { uri, checksum, format: 'qcow2' }),
    library.register('im-1', { uri, checksum }),
  ]);
  t.strictSame(first, second);
  t.match(first, { format: 'qcow2', virtualSizeBytes: 64 * MiB, checksum });
  t.equal((await stat(first.path)).mode & 0o777, 0o444);
  t.strictSame(await library.find('im-1'), first);
  t.strictSame(await library.list(), ['im-1']);
  const other = `${uri}?other`;
  await t.rejects(library.register('im-1', { uri: other }), { code: 'conflict' });
  await library.remove('im-1');
  await library.remove('im-1');
  t.strictSame(await readdir(library.path), []);
});

t.test('compressed images are expanded, whichever way they were compressed', async (t) => {
  const { library, image } = await setUp(t);
  const tools = { gzip: 'gz', xz: 'xz', zstd: 'zst', bzip2: 'bz2' };
  for (const [name, suffix] of Object.entries(tools)) {
    const file = `${image}.${suffix}`;
    await tool('sh', '-c', `${name} -c ${image} > ${file}`);
    const checksum = await sum(file);
    const registered = await library.register(`im-${suffix}`, { uri: `file://${file}` });
    t.match(registered, { format: 'qcow2', virtualSizeBytes: 64 * MiB, checksum }, name);
    t.ok(await holds(registered, 7));
  }
  t.equal((await readdir(library.path)).length, 8, 'an image and its record each, nothing else');
});

t.test('bombs, damage and double wrapping are refused and leave nothing', async (t) => {
  const { library, incoming, image } = await setUp(t, { maxFileBytes: 8 * MiB });
  const bomb = join(incoming, 'bomb');
  for (const name of ['gzip', 'xz', 'zstd', 'bzip2']) {
    await tool('sh', '-c', `head -c 16M /dev/zero | ${name} -c > ${bomb}`);
    const asked = library.register('im-1', { uri: `file://${bomb}` });
    await t.rejects(asked, { code: 'invalid', message: /expands to more than the 8.0 MiB allowed/ }, name);
  }
  await tool('sh', '-c', `xz -c ${image} | head -c 500 > ${bomb}`);
  await t.rejects(library.register('im-1', { uri: `file://${bomb}` }), {
    code: 'invalid',
    message: /damaged/,
  });
  await tool('sh', '-c', `xz -c ${image} | gzip -c > ${bomb}`);
  await t.rejects(library.register('im-1', { uri: `file://${bomb}` }), { code: 'invalid', message: /twice/ });
  await tool('sh', '-c', `head -c 9M /dev/zero > ${bomb}`);
  await t.rejects(library.register('im-1', { uri: `file://${bomb}` }), {
    code: 'invalid',
    message: /larger than/,
  });
  t.strictSame(await readdir(library.path), []);
});

t.test('images that qemu-img made, and what it says of them, agree with our own look', async (t) => {
  const { directory, image } = await setUp(t);
  const secret = join(directory, 'secret');
  await writeFile(secret, 'x'.repeat(MiB));
  const make = async (name: string, ...args: string[]) => {
    await tool('qemu-img', 'create', '-q', '-f', 'qcow2', ...args, join(directory, name), '8M');
    return join(directory, name);
  };
  for (const options of [
    'compat=0.10',
    'cluster_size=2M',
    'cluster_size=512',
    'extended_l2=on',
    'compression_type=zstd',
  ]) {
    const path = await make('good.qcow2', '-o', options);
    t.strictSame(await inspectImage(path), { format: 'qcow2', virtualSizeBytes: 8 * MiB }, options);
  }
  const overlay = await make('overlay.qcow2', '-b', secret, '-F', 'raw');
  await t.rejects(inspectImage(overlay), { code: 'invalid', message: /builds on another file/ });
  const split = await make('split.qcow2', '-o', `data_file=${join(directory, 'data')}`);
  await t.rejects(inspectImage(split), { code: 'invalid', message: /external file/ });
  const locked = await make(
    'locked.qcow2',
    '--object',
    'secret,id=s,data=x',
    '-o',
    'encrypt.format=aes,encrypt.key-secret=s',
  );
  await t.rejects(inspectImage(locked), { code: 'invalid', message: /encrypted/ });
  const cut = join(directory, 'cut.qcow2');
  await tool('sh', '-c', `head -c 100000 ${image} > ${cut}`);
  await t.rejects(inspectImage(cut), { code: 'invalid', message: /cut off/ });
  await t.rejects(inspectImage('/dev/zero'), { code: 'invalid', message: /not a regular file/ });
  await tool('mkfifo', join(directory, 'fifo'));
  await t.rejects(
    inspectImage(join(directory, 'fifo')),
    { code: 'invalid' },
    'and a FIFO does not make it wait',
  );
  await t.rejects(inspectImage(image, { timeoutMs: 1 }), { code: 'invalid', message: /longer than 1 ms/ });
});

t.test('files come from the allowed directories only, whatever they are called', async (t) => {
  const { library, incoming, directory } = await setUp(t);
  const secret = join(directory, 'secret');
  await writeFile(secret, 'x'.repeat(MiB));
  await symlink(secret, join(incoming, 'link'));
  const not = { code: 'invalid', message: /is not allowed: images are taken from .*incoming/ };
  for (const path of [
    secret,
    `${incoming}/../secret`,
    `${incoming}/%2e%2e/secret`,
    `${incoming}/link`,
    '/etc/shadow',
  ]) {
    await t.rejects(library.register('im-1', { uri: `file://${path}` }), not, path);
  }
  for (const uri of [
    'file://other-host/x',
    'ftp://host/x',
    'nonsense',
    'file:///%00',
    `file://${incoming}/%2fx`,
  ]) {
    await t.rejects(library.register('im-1', { uri }), { code: 'invalid' }, uri);
  }
  await t.rejects(library.register('im-1', { uri: `file://${incoming}/absent` }), { code: 'not-found' });
  await t.rejects(
    library.register('im-1', { uri: `file://${incoming}` }),
    { code: 'invalid' },
    'a directory',
  );
  t.strictSame(await readdir(library.path), []);
});

t.test('a server that lies about the checksum, stalls or cuts off leaves nothing', async (t) => {
  const { library, image } = await setUp(t);
  const content = await readFile(image);
  let send = content.length;
  const server = await imageServer((q, r) => serveUpTo(q, r, content, '"v1"', send));
  t.teardown(() => server.close());
  const uri = `${server.origin}/image.qcow2`;
  const checksum = `sha256:${'0'.repeat(64)}`;
  await t.rejects(library.register('im-1', { uri, checksum }), {
    code: 'invalid',
    message: /not sha256:000/,
  });
  await t.rejects(library.register('im-1', { uri, checksum: 'md5:0' }), {
    code: 'invalid',
    message: /no checksum/,
  });
  send = 0;
  await t.rejects(library.register('im-1', { uri }), { code: 'internal', message: /gave up/ });
  t.strictSame(await readdir(library.path), []);
  send = 400_000;
  const registered = await library.register('im-1', { uri, checksum: await sum(image) });
  t.ok(await holds(registered, 7));
});

t.test('a full library: one sentence, nothing left', async (t) => {
  const { directory } = await setUp(t);
  const { library, uri, image } = await setUp(t, { path: await mountTmpfs(t, directory, '1M') });
  await t.rejects(library.register('im-1', { uri }), {
    code: 'no-capacity',
    message: /disk is full.*1.3 MiB are needed/,
  });
  await tool('gzip', image);
  await t.rejects(library.register('im-1', { uri: `${uri}.gz` }), {
    code: 'no-capacity',
    message: /disk is full/,
  });
  const server = await imageServer((_, r) => void r.writeHead(200, { 'content-length': 5 * MiB }).write('x'));
  t.teardown(() => server.close());
  const far = library.register('im-1', { uri: server.origin });
  await t.rejects(far, { code: 'no-capacity', message: /needs 5.0 MiB and the library has/ });
  t.strictSame(await readdir(library.path), []);
});

t.test('cancelled in the middle of a download, nothing is left', async (t) => {
  const { library } = await setUp(t);
  const server = await imageServer((_, r) => void r.writeHead(200, { 'content-length': 5000 }).write('x'));
  t.teardown(() => server.close());
  const stop = new AbortController();
  const options = { signal: stop.signal, onProgress: () => stop.abort() };
  await t.rejects(library.register('im-1', { uri: server.origin }, options), { code: 'cancelled' });
  t.strictSame(await readdir(library.path), []);
});

t.test('killed in the middle of a download, the next agent fetches only the rest', async (t) => {
  const { library, image, directory } = await setUp(t);
  const content = await readFile(image);
  const half = Math.floor(content.length / 2);
  const server = await imageServer((q, r, count) => {
    if (count > 1) return serveUpTo(q, r, content, '"v1"');
    r.writeHead(200, { etag: '"v1"', 'content-length': content.length });
    r.write(content.subarray(0, half));
  });
  t.teardown(() => server.close());
  const source = { uri: `${server.origin}/image`, checksum: await sum(image) };
  const module = fileURLToPath(new URL('../../agent/storage/mod.ts', import.meta.url));
  const code = `import { ImageLibrary } from ${JSON.stringify(module)};
    new ImageLibrary({ path: ${JSON.stringify(library.path)} }).register('im-1', ${JSON.stringify(source)});`;
  const agent = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' });
  const partial = join(library.path, 'im-1.partial');
  const got = async () => (await stat(partial).catch(() => undefined))?.size ?? 0;
  for (let tries = 0; (await got()) < half && tries < 1000; tries += 1) await sleep(10);
  agent.kill('SIGKILL');
  await once(agent, 'exit');
  t.equal(await got(), half);
  await library.cleanUp(new Set(['im-1']));
  const registered = await library.register('im-1', source);
  t.strictSame(server.ranges, ['', `bytes=${half}-`]);
  t.ok(await holds(registered, 7));
  t.strictSame((await readdir(library.path)).sort(), ['im-1.json', 'im-1.qcow2']);
  t.ok(directory);
});

t.test('cleaning up takes what interrupted registrations left, and nothing else', async (t) => {
  const { library, uri } = await setUp(t);
  await library.register('im-1', { uri });
  const left = ['im-2.partial', 'im-2.download', 'im-3.expanded', 'im-4.json', 'im-5.json-new', 'README'];
  for (const name of left) await writeFile(join(library.path, name), '{}');
  t.strictSame(await library.list(), ['im-1', 'im-2', 'im-3', 'im-4', 'im-5']);
  t.equal(await library.find('im-4'), undefined);
  await library.cleanUp();
  t.strictSame((await readdir(library.path)).sort(), ['README', 'im-1.json', 'im-1.qcow2']);
});

t.test('an image made from a volume stands alone', async (t) => {
  const { library, uri, directory } = await setUp(t);
  const image = await library.register('im-1', { uri });
  const pool = openPool({ name: 'p', kind: 'directory', path: join(directory, 'pool') });
  await pool.open();
  const volume = await pool.create('vd-1', { sizeBytes: 128 * MiB, from: image });
  t.equal(volume.backing?.path, join(directory, 'pool', 'vd-1.base'));
  const made = await library.registerVolume('im-2', volume);
  await pool.remove('vd-1');
  await library.remove('im-1');
  t.match(made, { format: 'qcow2', virtualSizeBytes: 128 * MiB });
  t.ok(await holds(made, 7));
});
