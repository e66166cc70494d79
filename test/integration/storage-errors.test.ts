// What an agent answers when a disk is full, a pool is unplugged or an image server misbehaves; nothing is left.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { preparedAgent, type TestAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { imageServer, serveUpTo } from '../helpers/image-server.ts';
import { guestImage } from '../images/guest-image.ts';

const run = promisify(execFile);

/** An agent with a second pool on a file system of its own, with room for one copy of the test guest. */
async function agentWithSmallPool(t: Test): Promise<{ agent: TestAgent; small: string }> {
  const agent = await preparedAgent(t, {
    libvirtUri: 'test:///default',
    config: { image_server_timeout_seconds: 1 },
  });
  const small = join(agent.folder, 'small');
  await mkdir(small);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=711', 'tmpfs', small]);
  t.teardown(() => run('umount', ['-l', small]).catch(() => {}));
  const pools = [
    { name: 'default', path: join(agent.stateDir, 'pools/default') },
    { name: 'small', path: small, clone: 'copy', require_mount: true },
  ];
  agent.configure({ pool: pools });
  await agent.start();
  return { agent, small };
}

/** Takes all space of a file system but `leave` bytes. */
async function fill(folder: string, leave: number): Promise<string> {
  const path = join(folder, 'filler');
  const file = await open(path, 'w');
  try {
    const { stdout } = await run('df', ['--output=avail', '-B1', folder]);
    await file.writeFile(Buffer.alloc(Number(stdout.split('\n')[1]) - leave));
  } finally {
    await file.close();
  }
  return path;
}

t.test('a full disk and an unplugged one are told plainly and leave nothing', async (t) => {
  const { agent, small } = await agentWithSmallPool(t);
  await registeredImage(agent);
  const wanted = { name: 'one', type: 'tiny', imageId: 'guest', vnics: [], pool: 'small', boot: false };
  const before = await agent.leftovers();
  const filler = await fill(small, 1 << 20);
  // The second sentence is that of a host that has noticed before it began.
  const full = { code: 'no-capacity', message: /The disk is full: could not create volume|can be promised/ };
  await t.rejects(agent.call('createVServer', wanted), full);
  await t.rejects(
    agent.call('createVDisk', { name: 'd', sizeGB: 0.05, imageId: 'guest', pool: 'small' }),
    full,
  );
  t.same(await agent.call('listVServer'), []);
  t.same(await agent.call('listVDisk'), []);
  t.same(await agent.leftovers(), before);
  const { stdout } = await run('ls', [small]);
  t.equal(stdout.trim(), 'filler', 'nothing is left in the pool');

  await rm(filler);
  await run('umount', [small]);
  await t.rejects(agent.call('createVServer', wanted), { message: /not mounted|not there/ }, 'unplugged');
  t.same(await agent.call('listVServer'), []);
  t.same(await agent.leftovers(), before);
  await t.resolves(agent.call('createVServer', { ...wanted, pool: 'default' }), 'the other pool goes on');
});

t.test('an image is unregistered while a VServer made from it exists', async (t) => {
  const { agent } = await agentWithSmallPool(t);
  await registeredImage(agent);
  await agent.call('createVServer', { name: 'one', type: 'tiny', imageId: 'guest', vnics: [] });
  await agent.call('unregisterDiskImage', { imageId: 'guest' });
  t.same(await agent.call('listDiskImage'), []);
  t.match((await agent.leftovers()).join(), /pools\/default\/vd-\w+\.base/, 'the VDisk keeps the content');
  t.match(await agent.call('backupVDisk', { vdiskId: 'one-0', name: 'x' }).catch((error) => error), {
    code: 'wrong-state',
  });
  await agent.call('powerOffVServer', { vserverId: 'one' });
  await t.resolves(
    agent.call('backupVDisk', { vdiskId: 'one-0', name: 'copy' }),
    'and can be copied from it',
  );
  await agent.call('destroyVDisk', { vdiskId: 'copy' });
  await agent.call('destroyVServer', { vserverId: 'one' });
  t.notMatch((await agent.leftovers()).join(), /pools|images/, 'until it goes');
});

t.test('an image server that stalls, cuts off or lies gives one clear error', async (t) => {
  const { agent } = await agentWithSmallPool(t);
  const content = await readFile(await guestImage());
  const half = content.length >> 1;
  const digest = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const behaviours: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    stalls: (_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, half));
    },
    'cuts-off': (request, response) => serveUpTo(request, response, content.subarray(0, half), 'W/"x"', 1000),
    'lies-about-length': (_, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write(content.subarray(0, 1000));
      response.end();
    },
    'lies-about-content': (request, response) => serveUpTo(request, response, content.subarray(1), '"v"'),
    missing: (_, response) => response.writeHead(404).end(),
  };
  const server = await imageServer((request, response) => {
    behaviours[request.url!.slice(1)]!(request, response);
  });
  t.teardown(() => server.close());
  const expected: [string, string, RegExp][] = [
    ['stalls', 'internal', /Could not download .*nothing came for 1000 ms/],
    // A connection that breaks before its first bytes are read is one more.
    ['cuts-off', 'internal', /Could not download .*gave up after [5-9] tries/],
    ['lies-about-length', 'invalid', /./],
    ['lies-about-content', 'invalid', /checksum is sha256:.*, not sha256:/],
    ['missing', 'not-found', /./],
  ];
  const before = await agent.leftovers();
  const all = expected.map(async ([path, code, message]) => {
    const asked = { name: path, uri: `${server.origin}/${path}`, checksum: digest(content) };
    await t.rejects(agent.call('registerDiskImage', asked), { code, message }, path);
  });
  await Promise.all(all);
  t.same(await agent.call('listDiskImage'), [], 'no image of that name');
  t.same(await agent.leftovers(), before, 'no file');
  const failed = await agent.call<{ kind: string; state: string }[]>('listOperation');
  t.equal(failed.filter(({ state }) => state === 'failed').length, expected.length);
});
