// Downloads from servers that stall, cut off, lie and change their minds.
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { type DownloadLimits, type DownloadState, download } from '../../agent/storage/download.ts';
import { type Handler, imageServer, serveUpTo } from '../helpers/image-server.ts';

const CONTENT = randomBytes(300_000);
const QUICK: DownloadLimits = { attempts: 3, pauseMs: 1, answerTimeoutMs: 5000, idleTimeoutMs: 400 };

interface Wish {
  limits?: DownloadLimits;
  signal?: AbortSignal;
  state?: DownloadState;
  before?: Uint8Array;
  path?: string;
  onProgress?: (done: number, total: number) => void;
}

/** Serves with `handler` and downloads once. */
async function attempt(t: Test, handler: Handler, wish: Wish = {}) {
  const server = await imageServer(handler);
  t.teardown(() => server.close());
  const path = `${t.testdir()}/image`;
  if (wish.before) await writeFile(path, wish.before);
  const remembered: DownloadState[] = [];
  const result = download({
    uri: `${server.origin}${wish.path ?? '/image'}`,
    path,
    state: wish.state ?? {},
    limits: { ...QUICK, ...wish.limits },
    remember: async (state) => void remembered.push(state),
    ...(wish.signal ? { signal: wish.signal } : {}),
    ...(wish.onProgress ? { onProgress: wish.onProgress } : {}),
  });
  return { result, path, server, remembered };
}

t.test('a good server: the bytes, the progress and what to remember', async (t) => {
  const seen: [number, number][] = [];
  const { result, path, remembered } = await attempt(t, (q, r) => serveUpTo(q, r, CONTENT, '"v1"'), {
    onProgress: (done, total) => seen.push([done, total]),
  });
  t.equal(await result, CONTENT.length);
  t.ok((await readFile(path)).equals(CONTENT));
  t.strictSame(remembered, [{ validator: '"v1"', totalBytes: CONTENT.length }]);
  t.strictSame(seen.at(-1), [CONTENT.length, CONTENT.length]);
});

t.test('a server that cuts off is asked for the rest only', async (t) => {
  const { result, path, server } = await attempt(t, (q, r) => serveUpTo(q, r, CONTENT, '"v1"', 100_000));
  await result;
  t.ok((await readFile(path)).equals(CONTENT));
  // How much of a broken answer arrives is up to the kernel; that none of it is asked for again is not.
  const starts = server.ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0));
  t.ok(starts.length >= 3 && starts[0] === 0, starts.join());
  t.ok(
    starts.every((start, at) => at === 0 || start > (starts[at - 1] ?? 0)),
    'each time from further on',
  );
});

t.test('a server that stalls in the middle is asked again, where it stopped', async (t) => {
  const { result, path, server } = await attempt(t, (q, r, count) => {
    if (count > 1) return serveUpTo(q, r, CONTENT, '"v1"');
    r.writeHead(200, { etag: '"v1"', 'content-length': CONTENT.length });
    r.write(CONTENT.subarray(0, 1000));
  });
  await result;
  t.ok((await readFile(path)).equals(CONTENT));
  t.strictSame(server.ranges, ['', 'bytes=1000-']);
});

t.test('a server that always stalls, or never answers, is given up with a sentence', async (t) => {
  const stalls = await attempt(t, (_, r) => void r.writeHead(200, { 'content-length': 10 }).write('x'));
  await t.rejects(stalls.result, {
    code: 'internal',
    message: /nothing came for 400 ms.*gave up after \d+ tries/,
  });
  const mute = await attempt(t, () => {}, { limits: { answerTimeoutMs: 100 } });
  await t.rejects(mute.result, { code: 'internal', message: /did not answer within 100 ms/ });
  t.equal(mute.server.ranges.length, 3);
});

t.test('content that changes between two parts starts over', async (t) => {
  const other = randomBytes(200_000);
  const { result, path } = await attempt(t, (q, r, count) =>
    count === 1 ? serveUpTo(q, r, CONTENT, '"v1"', 100_000) : serveUpTo(q, r, other, '"v2"'),
  );
  t.equal(await result, other.length);
  t.ok((await readFile(path)).equals(other));
});

t.test('without a validator nothing is glued together, and crumbs come to an end', async (t) => {
  const { result, server } = await attempt(t, (_, r) => {
    r.writeHead(200, { 'content-length': CONTENT.length });
    r.write(CONTENT.subarray(0, 50_000), () => setTimeout(() => r.destroy(), 20));
  });
  await t.rejects(result, { code: 'internal', message: /gave up/ });
  t.ok(server.ranges.every((range) => range === ''));
});

t.test('a part that was not asked for is not taken', async (t) => {
  const { result, path } = await attempt(t, (q, r, count) => {
    if (count === 1) return serveUpTo(q, r, CONTENT, '"v1"', 100_000);
    if (count > 2) return serveUpTo(q, r, CONTENT, '"v1"');
    r.writeHead(206, { 'content-range': `bytes 5-9/${CONTENT.length}`, 'content-length': 5 }).end('wrong');
  });
  await result;
  t.ok((await readFile(path)).equals(CONTENT));
});

t.test('a server that promises more than it has is found out', async (t) => {
  const { result } = await attempt(t, (_, r) => {
    r.writeHead(200, { 'content-length': 1000 });
    r.write('short', () => setTimeout(() => r.destroy(), 5));
  });
  await t.rejects(result, { code: 'internal', message: /gave up/ });
});

t.test('more than allowed is refused, announced or not', async (t) => {
  const limits = { maxBytes: 100_000 };
  const announced = await attempt(t, (q, r) => serveUpTo(q, r, CONTENT, '"v1"'), { limits });
  await t.rejects(announced.result, { code: 'invalid', message: /larger than the 97.7 KiB allowed/ });
  const silent = await attempt(t, (_, r) => void r.end(CONTENT), { limits });
  await t.rejects(silent.result, { code: 'invalid', message: /larger/ });
  t.equal(silent.server.ranges.length, 1, 'and not asked for again');
});

t.test('a body without room for it is not begun', async (t) => {
  const limits = { freeBytes: async () => 1000 };
  const { result } = await attempt(t, (q, r) => serveUpTo(q, r, CONTENT, '"v1"'), { limits });
  await t.rejects(result, {
    code: 'no-capacity',
    message: /needs 293 KiB and the library has 1000 bytes free/,
  });
});

t.test('redirects are followed, but not for ever and not away from the web', async (t) => {
  const good = await attempt(
    t,
    (q, r) =>
      q.url === '/image'
        ? serveUpTo(q, r, CONTENT, '"v1"')
        : void r.writeHead(302, { location: '/image' }).end(),
    { path: '/start' },
  );
  t.equal(await good.result, CONTENT.length);
  const loop = await attempt(t, (_, r) => void r.writeHead(301, { location: '/image' }).end());
  await t.rejects(loop.result, { code: 'invalid', message: /redirects more than 5 times/ });
  const away = await attempt(t, (_, r) => void r.writeHead(301, { location: 'file:///etc/shadow' }).end());
  await t.rejects(away.result, { code: 'invalid', message: /not followed/ });
});

t.test('refusals are final, troubles are not', async (t) => {
  const absent = await attempt(t, (_, r) => void r.writeHead(404).end());
  await t.rejects(absent.result, { code: 'not-found', message: /404/ });
  const denied = await attempt(t, (_, r) => void r.writeHead(403).end());
  await t.rejects(denied.result, { code: 'invalid', message: /403/ });
  t.equal(denied.server.ranges.length, 1);
  const busy = await attempt(t, (q, r, count) =>
    count < 3 ? void r.writeHead(503).end() : serveUpTo(q, r, CONTENT, '"v1"'),
  );
  t.equal(await busy.result, CONTENT.length);
});

t.test('after a restart of the agent only the rest is fetched', async (t) => {
  const state = { validator: '"v1"', totalBytes: CONTENT.length };
  const before = CONTENT.subarray(0, 250_000);
  const { result, path, server } = await attempt(t, (q, r) => serveUpTo(q, r, CONTENT, '"v1"'), {
    state,
    before,
  });
  await result;
  t.ok((await readFile(path)).equals(CONTENT));
  t.strictSame(server.ranges, ['bytes=250000-']);
});

t.test('a download is cancelled while it waits, stalls or pauses', async (t) => {
  const mute = new AbortController();
  const waiting = await attempt(t, () => mute.abort(), {
    signal: mute.signal,
    limits: { answerTimeoutMs: 60_000 },
  });
  await t.rejects(waiting.result, { name: 'AbortError' });
  const stop = new AbortController();
  const stalling = await attempt(t, (_, r) => void r.writeHead(200, { 'content-length': 9 }).write('x'), {
    signal: stop.signal,
    limits: { idleTimeoutMs: 60_000 },
    onProgress: () => stop.abort(),
  });
  await t.rejects(stalling.result, { name: 'AbortError' });
  const late = new AbortController();
  const pausing = await attempt(
    t,
    (_, r) => void r.writeHead(500).end(() => setTimeout(() => late.abort(), 20)),
    {
      signal: late.signal,
      limits: { pauseMs: 60_000 },
    },
  );
  await t.rejects(pausing.result, { name: 'AbortError' });
});
