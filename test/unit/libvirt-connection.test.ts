// One conversation with a daemon that answers late, wrongly, in another order, or not at all.
import { randomBytes } from 'node:crypto';
import { text as readAll } from 'node:stream/consumers';
import t from 'tap';
import {
  CallTimeoutError,
  ConnectionLostError,
  isNotFound,
  LibvirtError,
  ProtocolError,
  TooManyCallsError,
} from '../../drivers/libvirt/errors.ts';
import { remoteError } from '../../drivers/libvirt/protocol/types.ts';
import { text } from '../../drivers/libvirt/rpc/codec.ts';
import { encodeFrame, encodeStreamFrame, PROGRAMS } from '../../drivers/libvirt/rpc/frame.ts';
import type { Writer } from '../../drivers/libvirt/rpc/xdr.ts';
import { fakeLibvirtd } from '../support/fake-libvirtd.ts';

const DOMAIN = { name: 'a', uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f', id: 1 };
const hostname =
  (name: string) =>
  (out: Writer): void =>
    text.encode(out, name);

/** A console that is being opened, and the call that the daemon has of it; nothing is answered yet. */
async function consoleAsked({ connection, received, receivedCount }: ReturnType<typeof fakeLibvirtd>) {
  const opening = connection.openStream('domain_open_console', { dom: DOMAIN, device: null, flags: 0 });
  await receivedCount(1);
  return { opening, call: received[0]! };
}

t.test('answers in another order reach the calls they belong to', async (t) => {
  const daemon = fakeLibvirtd();
  const calls = [1, 2, 3].map(() => daemon.connection.call('connect_get_hostname', undefined));
  await daemon.receivedCount(3);
  for (const index of [2, 0, 1]) daemon.reply(daemon.received[index]!, hostname(`host-${index}`));
  t.same(
    (await Promise.all(calls)).map((result) => result.hostname),
    ['host-0', 'host-1', 'host-2'],
  );
});

t.test('an error keeps libvirt’s code, domain, level and words', async (t) => {
  const daemon = fakeLibvirtd();
  const call = daemon.connection.call('domain_lookup_by_name', { name: 'nobody' });
  await daemon.receivedCount(1);
  const none = { dom: null, str1: null, str2: null, str3: null, int1: 0, int2: 0, net: null };
  const error = { code: 42, domain: 10, message: 'Domain not found', level: 2, ...none };
  daemon.reply(daemon.received[0]!, (out) => remoteError.encode(out, error), 1);
  const thrown = await call.catch((error: unknown) => error);
  t.type(thrown, LibvirtError);
  t.match(thrown, {
    code: 42,
    codeName: 'NO_DOMAIN',
    domain: 10,
    level: 2,
    procedure: 'domain_lookup_by_name',
  });
  t.ok(isNotFound(thrown));
});

t.test('a reply that is too short, too long or nonsense fails that call and no other', async (t) => {
  const daemon = fakeLibvirtd();
  const calls = [1, 2, 3, 4].map(() => daemon.connection.call('connect_get_hostname', undefined));
  await daemon.receivedCount(4);
  const [first, second, third, fourth] = daemon.received;
  daemon.reply(first!);
  daemon.reply(second!, (out) => [text.encode(out, 'h'), out.uint32(0)]);
  daemon.reply(third!, (out) => out.uint32(9), 1);
  daemon.reply(fourth!, hostname('good'));
  for (const call of calls.slice(0, 3)) await t.rejects(call, ProtocolError);
  t.same(await calls[3], { hostname: 'good' });
});

t.test('garbage, unknown programs and unasked replies end the conversation by a named error', async (t) => {
  const header = { program: PROGRAMS.remote, version: 1, procedure: 59, type: 1, serial: 999, status: 0 };
  const garbage = [
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    encodeFrame(header),
    encodeFrame({ ...header, program: 1 }),
    encodeFrame({ ...header, type: 77 }),
  ];
  for (const bytes of garbage) {
    const daemon = fakeLibvirtd();
    const call = daemon.connection.call('connect_get_hostname', undefined);
    daemon.socket.write(bytes);
    await t.rejects(call, ConnectionLostError);
    t.type(await daemon.connection.ended, ProtocolError);
    await t.rejects(daemon.connection.call('connect_get_hostname', undefined), ConnectionLostError);
  }
});

t.test('random bytes never do worse than end the conversation', async (t) => {
  for (let round = 0; round < 200; round++) {
    const daemon = fakeLibvirtd();
    const call = daemon.connection.call('connect_list_all_domains', { needResults: true, flags: 0 });
    const frame = encodeFrame(
      { program: PROGRAMS.remote, version: 1, procedure: 273, type: 1, serial: 1, status: round % 2 },
      (out) => out.opaque(randomBytes(round)),
    );
    daemon.socket.write(round % 3 === 0 ? randomBytes(200) : frame);
    daemon.socket.end();
    const error = await call.catch((error: unknown) => error);
    const named =
      error instanceof ProtocolError || error instanceof ConnectionLostError || error instanceof LibvirtError;
    t.ok(named, `round ${round}: ${error}`);
  }
});

t.test('a lost connection wakes sent calls, waiting calls and streams', async (t) => {
  const daemon = fakeLibvirtd({ maxInFlight: 1 });
  const { opening, call } = await consoleAsked(daemon);
  daemon.reply(call);
  const stream = await opening;
  const calls = [1, 2, 3].map(() => daemon.connection.call('connect_get_hostname', undefined));
  const broken = new Promise((resolve) => stream.once('error', resolve));
  daemon.socket.destroy();
  for (const call of calls) await t.rejects(call, ConnectionLostError);
  t.type(await broken, ConnectionLostError);
});

t.test(
  'a call given up by time-out or signal leaves its place only when the daemon has answered',
  async (t) => {
    const daemon = fakeLibvirtd({ maxInFlight: 1 });
    const { connection } = daemon;
    await t.rejects(connection.call('connect_get_hostname', undefined, { timeoutMs: 10 }), CallTimeoutError);
    const abort = new AbortController();
    const queued = connection.call('connect_get_hostname', undefined, { signal: abort.signal });
    const last = connection.call('connect_get_hostname', undefined);
    abort.abort(new Error('no longer wanted'));
    await t.rejects(queued, { message: 'no longer wanted' });
    t.equal(daemon.received.length, 1, 'the daemon still holds the first call');
    daemon.reply(daemon.received[0]!, hostname('late'));
    await daemon.receivedCount(2);
    daemon.reply(daemon.received[1]!, hostname('prompt'));
    t.same(await last, { hostname: 'prompt' });
  },
);

t.test('deaf guest agents never take all places', async (t) => {
  const daemon = fakeLibvirtd({ maxInFlight: 4 });
  const args = { dom: DOMAIN, command: '{"execute":"guest-ping"}', timeout: 5, flags: 0 };
  for (let guest = 0; guest < 10; guest++) {
    daemon.connection.call('qemu_domain_agent_command', args).catch(() => {});
  }
  const prompt = daemon.connection.call('connect_get_hostname', undefined);
  await daemon.receivedCount(3);
  t.same(
    daemon.received.map((frame) => frame.procedure),
    [3, 3, 59],
  );
  daemon.reply(daemon.received[2]!, hostname('here'));
  t.same(await prompt, { hostname: 'here' });
  daemon.connection.end(new Error('done'));
});

t.test('more calls than the queue holds are refused', async (t) => {
  const { connection } = fakeLibvirtd({ maxInFlight: 1, maxQueued: 2 });
  const calls = [1, 2, 3].map(() =>
    connection.call('connect_get_hostname', undefined).catch((e: unknown) => e),
  );
  await t.rejects(connection.call('connect_get_hostname', undefined), TooManyCallsError);
  connection.end(new Error('done'));
  for (const result of await Promise.all(calls)) t.type(result, ConnectionLostError);
});

t.test('arguments that cannot be encoded fail the call and leave the conversation whole', async (t) => {
  const daemon = fakeLibvirtd();
  await t.rejects(daemon.connection.call('domain_lookup_by_name', { name: 'a\0b' }), RangeError);
  const call = daemon.connection.call('connect_get_hostname', undefined);
  await daemon.receivedCount(1);
  daemon.reply(daemon.received[0]!, hostname('h'));
  t.same(await call, { hostname: 'h' });
});

t.test('a ping is answered', async (t) => {
  const daemon = fakeLibvirtd();
  const ping = { program: PROGRAMS.keepalive, version: 1, procedure: 1, type: 2, serial: 0, status: 0 };
  daemon.socket.write(encodeFrame(ping));
  await daemon.receivedCount(1);
  t.match(daemon.received[0], { program: PROGRAMS.keepalive, procedure: 2 });
});

t.test('a stream: data both ways, in one chunk with the reply, and both ends announced', async (t) => {
  const daemon = fakeLibvirtd();
  const { opening, call } = await consoleAsked(daemon);
  const packet = { ...call, type: 3, status: 2 };
  const reply = encodeFrame({ ...call, type: 1 });
  daemon.socket.write(Buffer.concat([reply, encodeStreamFrame(packet, Buffer.from('hello'))]));
  const stream = await opening;
  stream.write(Buffer.alloc(600_000, 'x'));
  await daemon.receivedCount(4);
  t.same(
    daemon.received.slice(1).map((frame) => frame.body.length),
    [262_120, 262_120, 75_760],
    'large writes become packets every libvirt accepts',
  );
  daemon.socket.write(encodeStreamFrame(packet, Buffer.alloc(0)));
  t.equal(await readAll(stream), 'hello');
  await daemon.receivedCount(5);
  t.match(
    daemon.received[4],
    { type: 3, status: 0, serial: call.serial },
    'our end follows the end of theirs',
  );
});

t.test('a reader who does not read stops the socket, and reading starts it again', async (t) => {
  const daemon = fakeLibvirtd();
  const { opening, call } = await consoleAsked(daemon);
  daemon.reply(call);
  const stream = await opening;
  const packet = encodeStreamFrame({ ...call, type: 3, status: 2 }, Buffer.alloc(32_768, 'y'));
  const sent = 50;
  for (let count = 0; count < sent; count++) daemon.socket.write(packet);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.ok(daemon.socket.writableLength > 40 * 32_768, 'the daemon is held back');
  t.ok(stream.readableLength <= 4 * 32_768, 'and we hold little');
  let read = 0;
  stream.on('data', (chunk: Buffer) => {
    read += chunk.length;
  });
  while (read < sent * 32_768) await new Promise((resolve) => setImmediate(resolve));
  t.equal(read, sent * 32_768, 'nothing is lost');
  stream.destroy();
  await daemon.receivedCount(2);
  t.match(daemon.received[1], { type: 3, status: 1 }, 'destroying it tells the daemon');
});

t.test('a console that says much before it is open opens all the same', async (t) => {
  const daemon = fakeLibvirtd();
  const { opening, call } = await consoleAsked(daemon);
  const packet = encodeStreamFrame({ ...call, type: 3, status: 2 }, Buffer.alloc(32_768, 'y'));
  const sent = 10;
  for (let count = 0; count < sent; count++) daemon.socket.write(packet);
  daemon.reply(call);
  const stream = await opening;
  let read = 0;
  stream.on('data', (chunk: Buffer) => {
    read += chunk.length;
  });
  while (read < sent * 32_768) await new Promise((resolve) => setImmediate(resolve));
  t.equal(read, sent * 32_768);
  stream.destroy();
});

t.test('a console that breaks off in the moment it is opened is refused, and nothing else', async (t) => {
  const daemon = fakeLibvirtd();
  const { opening, call } = await consoleAsked(daemon);
  const none = { dom: null, str1: null, str2: null, str3: null, int1: 0, int2: 0, net: null };
  const error = { code: 39, domain: 38, message: 'stream had I/O failure', level: 2, ...none };
  const broken = encodeFrame({ ...call, type: 3, status: 1 }, (out) => remoteError.encode(out, error));
  daemon.socket.write(Buffer.concat([encodeFrame({ ...call, type: 1 }), broken]));
  await t.rejects(opening, { name: 'LibvirtError', message: /stream had I\/O failure/ });
  const next = daemon.connection.call('connect_get_hostname', undefined);
  await daemon.receivedCount(2);
  daemon.reply(daemon.received[1]!, hostname('well'));
  t.same(await next, { hostname: 'well' });
});
