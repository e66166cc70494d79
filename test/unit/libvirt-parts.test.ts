// The small parts of the libvirt client: URIs, waits, pings, queues, names.
import t from 'tap';
import { Backoff } from '../../drivers/libvirt/backoff.ts';
import { isAgentFailure, isExisting, LibvirtError } from '../../drivers/libvirt/errors.ts';
import { EventQueue } from '../../drivers/libvirt/event-queue.ts';
import { domainState } from '../../drivers/libvirt/protocol/names.ts';
import { Keepalive, type Timers } from '../../drivers/libvirt/rpc/keepalive.ts';
import { parseUri } from '../../drivers/libvirt/uri.ts';

t.test('URIs say which daemon and which driver', async (t) => {
  t.same(parseUri('qemu:///system'), {
    name: 'qemu:///system',
    address: { sockets: ['/run/libvirt/libvirt-sock', '/run/libvirt/virtqemud-sock'] },
  });
  t.same(parseUri('test+unix:///default?socket=/tmp/a%20b'), {
    name: 'test:///default',
    address: { sockets: ['/tmp/a b'] },
  });
  t.same(parseUri('xen+tcp://host.example/system').address, { host: 'host.example', port: 16_509 });
  t.same(parseUri('qemu+tcp://[::1]:17000/system').address, { host: '::1', port: 17_000 });
  for (const wrong of [
    '',
    'qemu',
    '/run/sock',
    'qemu://host/system',
    'qemu+ssh://host/system',
    'a+tcp://h:99999/',
  ]) {
    t.throws(() => parseUri(wrong), RangeError, wrong);
  }
});

t.test('waits double up to their limit, with jitter, and begin anew after success', async (t) => {
  const latest = new Backoff({ minMs: 100, maxMs: 1_000 }, () => 1);
  t.same(
    [1, 2, 3, 4, 5, 6].map(() => latest.next()),
    [100, 200, 400, 800, 1_000, 1_000],
  );
  latest.reset();
  t.equal(latest.next(), 100);
  t.equal(new Backoff({ minMs: 100, maxMs: 1_000 }, () => 0).next(), 50);
});

t.test(
  'a peer silent for the given number of pings is dead; any sign of life resets the count',
  async (t) => {
    let tick = (): void => {};
    let running = true;
    const timers: Timers = {
      setInterval: (callback) => {
        tick = callback;
        return 1;
      },
      clearInterval: () => {
        running = false;
      },
    };
    let pings = 0;
    let dead = 0;
    const keepalive = new Keepalive(() => pings++, timers);
    keepalive.start({ intervalMs: 5, count: 2 }, (silentMs) => {
      dead = silentMs;
    });
    tick();
    tick();
    keepalive.heard();
    tick();
    tick();
    t.equal(dead, 0);
    tick();
    t.equal(dead, 10);
    t.equal(pings, 4);
    t.notOk(running, 'and it is said once');
  },
);

t.test('a queue keeps order, and gives way at its capacity by dropping the oldest', async (t) => {
  const queue = new EventQueue<number>({ capacity: 3, overflow: (dropped) => -dropped });
  for (const item of [1, 2, 3, 4, 5]) queue.push(item);
  t.equal(queue.size, 3);
  queue.end();
  const seen: number[] = [];
  for await (const item of queue) seen.push(item);
  t.same(seen, [-2, 3, 4, 5]);
});

t.test('a waiting consumer is woken by the next item, and by the end', async (t) => {
  let ended = 0;
  const queue = new EventQueue<number>({ capacity: 1, overflow: (n) => n, onEnd: () => ended++ });
  const [first, second] = [queue.next(), queue.next()];
  queue.push(7);
  t.same(await first, { done: false, value: 7 });
  await queue.return();
  t.same(await second, { done: true, value: undefined });
  queue.push(8);
  t.same(await queue.next(), { done: true, value: undefined });
  t.equal(ended, 1);
});

t.test('errors answer the questions callers ask, and keep a name for every number', async (t) => {
  const error = (code: number) => new LibvirtError('p', { code, domain: 10, level: 2, message: 'm' });
  t.ok(isExisting(error(90)));
  t.ok(isAgentFailure(error(86)));
  t.notOk(isExisting(error(42)));
  t.notOk(isExisting(new Error('exists')));
  t.equal(error(9999).codeName, 'ERROR_9999');
});

t.test('states and reasons have names, also those newer than this table', async (t) => {
  t.same(domainState(5, 3), { state: 'shutoff', reason: 'crashed' });
  t.same(domainState(1, 99), { state: 'running', reason: 'reason-99' });
  t.same(domainState(99, 0), { state: 'nostate', reason: 'state-99' });
});
