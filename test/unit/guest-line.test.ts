// The second serial port of a guest: what is heard on it, and what a hostile guest can do with it.
import { EventEmitter, on, once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { GuestLines, type LinesHost } from '../../agent/guest/line/guest-lines.ts';
import { LINE_MAX, LINES_PER_PIECE, LineReader } from '../../agent/guest/line/line-reader.ts';
import { parseMarker } from '../../agent/guest/line/marker.ts';
import { GuestWays } from '../../agent/guest/ways.ts';

const MARKER = 'INNKEEPER-INITIAL-PASSWORD';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const heard = (reader: LineReader, piece: string | Uint8Array) =>
  reader.push(Buffer.from(piece)).map((line) => line.toString('latin1'));

t.test('a line is found however it is cut into pieces', async (t) => {
  const line = `${MARKER} ${base64('secret')}`;
  for (const ending of ['\n', '\r\n']) {
    const reader = new LineReader();
    const found = [...`login: \r\n${line}${ending}x`].flatMap((byte) => heard(reader, byte));
    t.same(found, [line]);
  }
  t.same(heard(new LineReader(), `a\n${line}\nb\n${line}\n`), [line, line]);
});

t.test('what is not for the agent is dropped at once', async (t) => {
  const reader = new LineReader();
  t.same(heard(reader, `  ${MARKER} YQ==\nxx${MARKER} YQ==\ninnkeeper-x\nINNKEEPER\n\n\r\n`), []);
  t.same(heard(reader, 'INNKEEPEX'), []);
  t.equal(reader.held, 0, 'nothing of a line that begins otherwise is held');
  heard(reader, '\n');
  const garbage = Buffer.from([...Array(100_000).keys()].map((n) => (n * 7919) >>> 3));
  t.same(heard(reader, garbage), []);
  t.same(
    heard(reader, '\nINNKEEPER-\0\xff\n').length,
    1,
    'binary behind the word is the next check’s to refuse',
  );
  const longest = `INNKEEPER-${'x'.repeat(LINE_MAX - 10)}`;
  t.same(heard(reader, `${longest}\n`), [longest]);
  t.same(heard(reader, longest), []);
  t.same(heard(reader, 'y'), []);
  t.equal(reader.held, 0, 'nor of one that is too long');
  t.same(heard(reader, `\n${longest}y\nINNKEEPER-z\n`), ['INNKEEPER-z'], 'and the next line is a new one');
  t.equal(heard(reader, 'INNKEEPER-a\n'.repeat(1000)).length, LINES_PER_PIECE, 'a flood is cut short');
});

t.test('exactly two forms are known', async (t) => {
  const parsed = (line: string) => parseMarker(Buffer.from(line, 'latin1'));
  t.match(parsed(`${MARKER} ${base64('pä$$\n')}`), { how: 'clear', password: Buffer.from('pä$$\n') });
  const encrypted = base64('\0\x01cipher');
  t.match(parsed(`INNKEEPER-ENCRYPTED-PASSWORD ${encrypted}`), {
    how: 'encrypted',
    password: Buffer.from(encrypted),
  });
  t.match(parsed(`${MARKER} `), { password: Buffer.alloc(0) }, 'an empty one is refused where all are');
  const others = [
    MARKER,
    `${MARKER}  YQ==`,
    `${MARKER} YQ`,
    `${MARKER} YQ==x`,
    `${MARKER} YQ== `,
    `${MARKER} Y-_=`,
  ];
  for (const line of [...others, 'INNKEEPER-OK', 'INNKEEPER-constructor YQ==', `${MARKER}\tYQ==`]) {
    t.equal(parsed(line), undefined, line);
  }
});

/** A VServer's machine with the other end of its line, in the test's hand, and the agent that listens. */
async function lab(t: Test, guestLine = true) {
  // Short: a socket's name has room for 107 bytes.
  const folder = await mkdtemp(join(tmpdir(), 'ikt-line-'));
  const path = join(folder, 'tty', 'vs-1');
  await mkdir(join(folder, 'tty'));
  const events = new EventEmitter();
  const stored: { password: string; how: string }[] = [];
  const logged: unknown[] = [];
  const closing = new AbortController();
  async function* follow() {
    for await (const [event] of on(events, 'event', { signal: closing.signal })) yield event;
  }
  const vserver = { id: 'vs-1' };
  const guestWays = new GuestWays();
  const host = {
    config: { state_dir: folder, prefix: 'ik' },
    guestWays,
    log: { debug: (...words: unknown[]) => logged.push(words) },
    inventory: {
      list: () => [vserver],
      get: (_: string, id: string) => (id === 'vs-1' ? vserver : undefined),
    },
    hypervisor: { features: { guestLine }, events: follow },
  } as unknown as LinesHost;
  const lines = new GuestLines(host, {
    async storeInitialPassword(_vserverId, password, how) {
      if (stored.length > 0) return 'already';
      stored.push({ password: Buffer.from(password).toString(), how });
      return 'stored';
    },
  });
  const guests = new EventEmitter();
  let server = createServer();
  const boot = async () => {
    server = createServer((socket) => guests.emit('guest', socket));
    await new Promise<void>((resolve) => server.listen(path, resolve));
  };
  const end = async () => {
    server.close();
    await rm(path, { force: true });
  };
  lines.start();
  t.teardown(async () => {
    lines.stop();
    // As the hypervisor ends its events when it is closed.
    events.emit('event', { type: 'disconnected', reason: 'end' });
    await end();
    await rm(folder, { recursive: true });
  });
  const tell = (event: object) => events.emit('event', event);
  /** The guest's end, once the agent has picked up. */
  const listened = async (cause: object): Promise<Socket> => {
    const guest = once(guests, 'guest');
    tell(cause);
    const [socket] = await guest;
    t.teardown(() => socket.destroy());
    return socket;
  };
  return { lines, stored, logged, guestWays, boot, end, tell, listened };
}

const STARTED = { type: 'machine', name: 'ik-vs-1', uuid: '', state: 'running', reason: 'booted' };

async function answers(guest: Socket, count: number): Promise<string[]> {
  let text = '';
  while (text.split('\n').length <= count) text += (await once(guest, 'data')).toString();
  return text.split('\n').slice(0, -1);
}

t.test('a password is taken once, refused twice, and named in no log', async (t) => {
  const { stored, logged, guestWays, boot, listened } = await lab(t);
  await boot();
  const guest = await listened(STARTED);
  guest.write(`\0\xffbooting\n${MARKER} ${base64('se')}`);
  guest.write(
    `\n${MARKER} ${base64('another')}\r\n${MARKER} \n${MARKER} ${base64('x'.repeat(1025))}\nINNKEEPER-what\n`,
  );
  t.same(await answers(guest, 5), [
    'INNKEEPER-OK',
    'INNKEEPER-REFUSED the initial password is set already',
    'INNKEEPER-REFUSED the password is empty',
    'INNKEEPER-REFUSED a password has at most 1024 bytes',
    'INNKEEPER-REFUSED the line is none of the two forms',
  ]);
  t.same(stored, [{ password: 'se', how: 'clear' }]);
  t.equal(logged.length, 4);
  t.match(guestWays.of('vs-1', 'serial'), { stored: 1, refused: 3, malformed: 1 }, 'each is counted');
  t.equal(guestWays.of('vs-1', 'guest-agent'), undefined);
  t.notMatch(JSON.stringify(logged), new RegExp(`${base64('another')}|another|what`));
});

t.test('a guest that floods is slowed down, and its password still taken', async (t) => {
  const { stored, boot, listened } = await lab(t);
  await boot();
  const guest = await listened(STARTED);
  guest.on('error', () => {});
  const noise = Buffer.alloc(64 * 1024, 'INNKEEPER-noise\n');
  while (guest.write(noise) || guest.writableLength < 4 * 1024 * 1024);
  guest.on('data', () => {});
  t.ok(guest.writableLength > 0, 'it waits for the agent, which does not read ahead');
  guest.destroy();
  const next = await listened(STARTED);
  next.write(`${MARKER} ${base64('late')}\n`);
  t.same(await answers(next, 1), ['INNKEEPER-OK']);
  t.equal(stored.length, 1);
});

t.test('the line is opened again after a power cycle and after the daemon was away', async (t) => {
  const { lines, boot, end, tell, listened } = await lab(t);
  tell(STARTED);
  await boot();
  const first = await listened({ type: 'connected' });
  tell({ ...STARTED, name: 'ik-vs-unknown' });
  tell({ ...STARTED, name: 'other' });
  t.equal(lines.size, 1);
  // Off and on so quickly that the start is told before the end is seen.
  await end();
  await boot();
  const second = listened(STARTED);
  first.destroy();
  (await second).write(`${MARKER} ${base64('x')}\n`);
  t.same(await answers(await second, 1), ['INNKEEPER-OK']);
  lines.stop();
  await once(await second, 'close');
  tell(STARTED);
  await new Promise(setImmediate);
  t.equal(lines.size, 0, 'and never after the end');
});

t.test('a hypervisor without the second port is left alone', async (t) => {
  const { lines, boot, tell } = await lab(t, false);
  await boot();
  tell({ type: 'connected' });
  tell(STARTED);
  await new Promise(setImmediate);
  t.equal(lines.size, 0);
});
