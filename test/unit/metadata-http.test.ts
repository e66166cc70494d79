// The HTTP service: our own dialect, who is answered, what is refused, what is bounded.
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import net from 'node:net';
import t from 'tap';
import { directoryOf, factsOf, nicOf } from '../helpers/guest-facts.ts';
import { sendRaw, serveHttp } from '../helpers/metadata-http.ts';

const at = (address: string, mac = '52:54:5e:00:00:01') =>
  nicOf({ mac, ipv4: { address, prefixLength: 8, gateway: '127.255.255.254' } });
const first = () => factsOf({ nics: [at('127.0.0.1')] });
const second = () =>
  factsOf({ vserverId: 'vs-2', instanceId: 'i-2', hostname: 'other', nics: [at('127.0.0.2')] });

t.test('user data comes byte for byte, to each guest its own', async (t) => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const directory = directoryOf(factsOf({ nics: [at('127.0.0.1')], userData: every }), {
    ...second(),
    userData: Buffer.alloc(0),
  });
  const { ask, close } = await serveHttp(directory);
  t.teardown(close);
  const mine = await ask('/user-data');
  t.match(mine, {
    status: 200,
    headers: { 'content-type': 'application/octet-stream', 'content-length': '256' },
  });
  t.same(mine.bytes, every);
  t.match(await ask('/user-data', { from: '127.0.0.2' }), { status: 200, body: '' });
  t.match(await ask('/user-data', { method: 'HEAD' }), { headers: { 'content-length': '256' }, body: '' });
  t.match(await ask('/user-data/x'), { status: 404 });
});

t.test('system data lists its items and gives each', async (t) => {
  const { ask, close } = await serveHttp(directoryOf(first()));
  t.teardown(close);
  const root = (await ask('/system-data/')).body.split('\n');
  for (const name of ['vserver-id', 'hostname', 'vserver-type', 'disk-image-id', 'vnics/'])
    t.ok(root.includes(name), name);
  t.equal((await ask('/system-data/vnics')).body, '0/');
  const expected = {
    'vserver-id': 'vs-00000001',
    hostname: 'demo.example.org',
    'vnics/0/mac': '52:54:5e:00:00:01',
    'vnics/0/ipv4-address': '127.0.0.1',
    'variables/ROLE': 'web',
  };
  for (const [item, value] of Object.entries(expected))
    t.equal((await ask(`/system-data/${item}`)).body, value, item);
  for (const item of ['nothing', 'vnics/1', 'vnics/0/mac/x', '__proto__', 'constructor', '../user-data']) {
    t.equal((await ask(`/system-data/${item}`)).status, 404, item);
  }
});

t.test('the initial password is taken once', async (t) => {
  const directory = directoryOf(first());
  const { ask, close, service } = await serveHttp(directory);
  t.teardown(close);
  const put = (path: string, body: string, method = 'PUT') => ask(`/system-data/${path}`, { method, body });
  t.equal((await put('initial-password', '\n')).status, 400, 'empty');
  t.equal((await put('initial-password', 'x'.repeat(1025))).status, 413);
  t.equal((await put('encrypted-initial-password', 'not base64!')).status, 400);
  t.equal((await put('initial-password', 'geheim\r\n', 'POST')).status, 200);
  t.same(directory.passwords.get('vs-00000001'), { text: 'geheim', how: 'clear' });
  t.equal((await put('initial-password', 'another')).status, 409);
  t.match(service.countsOf('52:54:5e:00:00:01'), { requests: 5, refused: 4 }, 'each refusal is counted');
  t.match(await ask('/system-data/initial-password'), { status: 405, headers: { allow: 'PUT, POST' } });
  t.notMatch((await ask('/system-data/')).body, 'password', 'and it is not listed');
});

t.test('an address that no VNIC has gets no answer to anything', async (t) => {
  const { ask, close, service } = await serveHttp(directoryOf(first()));
  t.teardown(close);
  const stranger = await ask('/user-data', { from: '127.0.0.9' }).catch((error: Error) => error);
  if (!(stranger instanceof Error)) t.match(stranger, { status: 403, body: 'unknown address\n' });
  t.match(service.counts, { strangers: 1, requests: 0 });
});

t.test('a connection kept open does not outlive the right to it', async (t) => {
  const directory = directoryOf(first());
  const { port, close } = await serveHttp(directory);
  t.teardown(close);
  const socket = net.connect({ port, host: '127.0.0.1' });
  const request = 'GET /system-data/vserver-id HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n';
  let text = '';
  socket.setEncoding('utf8').on('data', (part) => {
    text += part;
    if (directory.guests.length === 0) return;
    directory.guests.length = 0;
    socket.write(request);
  });
  socket.write(request);
  await new Promise((resolve) => socket.on('close', resolve));
  t.equal(text.split('vs-00000001').length - 1, 1, 'one answer, not two');
});

t.test('requests no honest guest sends are refused', async (t) => {
  const { ask, close, port, service } = await serveHttp(directoryOf(first()));
  t.teardown(close);
  const headers = (extra: Record<string, string>) => ask('/user-data', { headers: extra });
  t.equal((await headers({ 'X-Forwarded-For': '127.0.0.1' })).status, 403);
  t.equal((await headers({ Forwarded: 'for=127.0.0.1' })).status, 403);
  t.equal((await headers({ Host: 'evil.example.org' })).status, 403, 'a rebound name');
  t.equal((await headers({ Host: '127.0.0.1' })).status, 403, 'even the address, if it is not ours');
  t.equal((await headers({ Host: '169.254.169.254:80' })).status, 200);
  t.equal((await headers({ Host: '10.0.0.1' })).status, 200, 'the gateway');
  t.equal((await headers({ Host: '[FD00:ec2::254]' })).status, 200);
  t.equal((await ask('/user-data', { method: 'DELETE' })).status, 405);
  t.equal((await ask('/user-data', { method: 'POST', body: 'x' })).status, 405);
  t.equal(
    (await ask('/user-data', { headers: { 'Content-Length': '1' }, body: 'x' })).status,
    400,
    'GET with a body',
  );
  t.equal((await ask(`/${'x'.repeat(1100)}`)).status, 400);
  t.equal((await ask('http://169.254.169.254/user-data')).status, 400, 'a request to a proxy');
  t.equal(
    (await ask('/system-data/initial-password', { method: 'PUT', body: 'x'.repeat(5000) })).status,
    413,
  );
  t.ok(service.counts.refused >= 7);
  const line = 'GET /system-data/vserver-id';
  t.match(
    await sendRaw(port, `${line} HTTP/1.0\r\n\r\n`),
    /200 OK(.|\r|\n)*vs-00000001$/,
    'HTTP/1.0 without Host',
  );
  t.match(
    await sendRaw(port, `${line} HTTP/1.1\r\nConnection: close\r\n\r\n`),
    /^HTTP\/1.1 400/,
    '1.1 without Host',
  );
  const twice = 'Host: 169.254.169.254\r\nHost: evil.example.org\r\nConnection: close\r\n';
  t.match(await sendRaw(port, `${line} HTTP/1.1\r\n${twice}\r\n`), /^HTTP\/1.1 403/, 'two hosts');
  t.match(await sendRaw(port, 'rubbish\r\n\r\n'), /^HTTP\/1.1 400/);
  t.match(await sendRaw(port, `GET / HTTP/1.1\r\nX: ${'x'.repeat(9000)}\r\n\r\n`), /^HTTP\/1.1 431/);
});

t.test('a connection is kept for further requests, unless a body was left unread', async (t) => {
  const { close, port } = await serveHttp(directoryOf(first()));
  t.teardown(close);
  const get = 'GET /system-data/hostname HTTP/1.1\r\nHost: 10.0.0.1\r\n';
  const kept = await sendRaw(port, `${get}\r\n${get}Connection: close\r\n\r\n`);
  t.equal(kept.match(/HTTP\/1\.1 200/g)?.length, 2);
  const unread = await sendRaw(port, `${get}Content-Length: 500\r\n\r\nx`);
  t.match(unread, /^HTTP\/1\.1 400(.|\r|\n)*Connection: close/);
});

t.test(
  'requests that could be read in two ways are refused, and nothing after them is answered',
  async (t) => {
    const { close, port, service } = await serveHttp(directoryOf(first()));
    t.teardown(close);
    const put = 'PUT /system-data/initial-password HTTP/1.1\r\nHost: 10.0.0.1\r\n';
    const hidden = 'GET /system-data/vserver-id HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n';
    const shapes: Record<string, string> = {
      'length and chunks': `${put}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
      'two lengths': `${put}Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345${hidden}`,
      'a length with a sign': `${put}Content-Length: +5\r\n\r\n12345${hidden}`,
      'chunks that are not last': `${put}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
      'a space before the colon': `${put}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${hidden}`,
      'a folded header': `${put}X: a\r\n Content-Length: 5\r\n\r\n${hidden}`,
      'a chunk size that is no number': `${put}Transfer-Encoding: chunked\r\n\r\n0x5\r\n12345\r\n0\r\n\r\n${hidden}`,
    };
    for (const [shape, octets] of Object.entries(shapes)) {
      const answer = await sendRaw(port, octets);
      t.match(answer, /^(HTTP\/1\.1 400|$)/, shape);
      t.notMatch(answer, 'vs-00000001', `${shape}: what is hidden behind it is not answered`);
    }
    t.equal(service.counts.malformed, Object.keys(shapes).length);
    t.match(service.countsOf('52:54:5e:00:00:01'), { malformed: Object.keys(shapes).length });
  },
);

t.test('what each guest was refused is counted for that guest', async (t) => {
  const second = { ...first(), allowImdsV1: false };
  const { ask, close, port, service } = await serveHttp(directoryOf(second), {
    headersMs: 100,
    httpBurst: 5,
    httpPerSecond: 0,
  });
  t.teardown(close);
  t.equal(service.countsOf('52:54:5e:00:00:01'), undefined, 'nothing before it was heard of');
  await ask('/user-data');
  t.equal((await ask('/latest/user-data')).status, 401);
  t.equal((await ask('/user-data', { headers: { Forwarded: 'for=10.0.0.9' } })).status, 403);
  t.match(await sendRaw(port, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'), /^HTTP\/1.1 400/);
  await ask('/user-data');
  t.equal((await ask('/user-data')).status, 429);
  await sendRaw(port, 'rubbish\r\n\r\n');
  await sendRaw(port, 'GET / HTTP/1.1\r\nHost:');
  const { lastSeen, ...counts } = service.countsOf('52:54:5e:00:00:01')!;
  t.ok(lastSeen > 0);
  t.same(counts, {
    requests: 3,
    unauthorized: 1,
    refused: 2,
    malformed: 1,
    slow: 1,
    rateLimited: 1,
    tooManyConnections: 0,
  });
});

t.test('slow and idle connections are cut off, and so is whoever stays too long', async (t) => {
  const { close, port } = await serveHttp(directoryOf(first()), {
    headersMs: 200,
    requestMs: 400,
    idleMs: 200,
    connectionMs: 60_000,
  });
  t.teardown(close);
  t.match(await sendRaw(port, 'GET /user-data HTTP/1.1\r\nHost:'), /^(HTTP\/1.1 408|$)/, 'half a head');
  const half =
    'PUT /system-data/initial-password HTTP/1.1\r\nHost: 10.0.0.1\r\nContent-Length: 9\r\n\r\nhalf';
  t.match(await sendRaw(port, half), /^(HTTP\/1.1 408|$)/, 'half a body');
  t.match(await sendRaw(port, ''), /^(HTTP\/1.1 408|$)/, 'nothing at all');
  const strict = await serveHttp(directoryOf(first()), { connectionMs: 100 });
  t.teardown(strict.close);
  t.equal(await sendRaw(strict.port, ''), '');
});

t.test('whoever does not read its answer is cut off', async (t) => {
  // More than the buffers of both ends hold.
  const userData = Buffer.alloc(32 << 20);
  const { close, port, service } = await serveHttp(directoryOf({ ...first(), userData }), {
    headersMs: 200,
    requestMs: 200,
    connectionMs: 600_000,
  });
  t.teardown(close);
  const socket = net.connect({ port, host: '127.0.0.1' }).pause();
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  socket.write('GET /user-data HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n');
  while (service.counts.requests === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  while (service.counts.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(service.counts.connections, 0);
});

t.test(
  'user data comes byte for byte however long it is, with other answers on the same connection',
  async (t) => {
    const every = Buffer.from(Array.from({ length: 1 << 16 }, (_, i) => i + (i >> 8)));
    for (const bytes of [1, 12_287, 12_288, 12_289, 1 << 16]) {
      // A view that begins inside of its memory.
      const userData = new Uint8Array(every.buffer, every.byteOffset, bytes);
      const { close, port } = await serveHttp(directoryOf({ ...first(), userData }));
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.teardown(() => agent.destroy());
      for (const [path, length] of [
        ['user-data', bytes],
        ['system-data/name', 4],
        ['user-data', bytes],
      ] as const) {
        const request = get({
          port,
          host: '127.0.0.1',
          path: `/${path}`,
          agent,
          headers: { Host: '10.0.0.1' },
        });
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        const body = Buffer.concat(await response.toArray());
        t.equal(response.headers['content-length'], String(length));
        t.ok(body.equals(path === 'user-data' ? userData : Buffer.from('demo')), `${path} of ${bytes}`);
      }
      agent.destroy();
      await close();
    }
  },
);

t.test('one guest cannot take the service from the others', async (t) => {
  const { ask, close, port, service } = await serveHttp(directoryOf(first(), second()), {
    connectionsPerGuest: 2,
    httpBurst: 3,
    httpPerSecond: 0,
  });
  t.teardown(close);
  const held = [0, 1].map(() => net.connect({ port, host: '127.0.0.1' }));
  await Promise.all(held.map((socket) => new Promise((resolve) => socket.on('connect', resolve))));
  await t.rejects(ask('/user-data'), 'a third connection');
  t.equal(service.counts.tooManyConnections, 1);
  t.equal((await ask('/user-data', { from: '127.0.0.2' })).status, 200, 'the neighbour is served');
  for (const socket of held) socket.destroy();
  while (service.counts.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  for (let i = 0; i < 3; i++) t.equal((await ask('/user-data')).status, 200);
  t.match(await ask('/user-data'), { status: 429, headers: { 'retry-after': '1' } });
  t.equal((await ask('/user-data', { from: '127.0.0.2' })).status, 200);
});
