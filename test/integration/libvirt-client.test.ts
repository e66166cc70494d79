// The libvirt client against a libvirtd that is restarted, stopped, slow or far away.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, connect as dial, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import {
  AFFECT,
  ConnectionLostError,
  type EventQueue,
  isInvalid,
  isNotFound,
  isUnsupported,
  isWrongState,
  LibvirtClient,
  type LibvirtEvent,
  type LibvirtOptions,
  STATS,
  VCPUS,
} from '../../drivers/libvirt/mod.ts';
import { privateLibvirtd } from '../support/private-libvirtd.ts';

async function connected(t: Test, options: LibvirtOptions): Promise<LibvirtClient> {
  const client = new LibvirtClient({ reconnect: { minMs: 20, maxMs: 200 }, ...options });
  t.teardown(() => client.close());
  await client.connect();
  return client;
}

/** The next event that matters to the test. */
async function next(events: EventQueue<LibvirtEvent>, type: LibvirtEvent['type']): Promise<LibvirtEvent> {
  for (;;) {
    const { value, done } = await events.next();
    if (done) throw new Error(`the events ended before ${type}`);
    if (value.type === type) return value;
  }
}

function domainXml(name: string): string {
  return `<domain type='test'><name>${name}</name><memory unit='KiB'>8192</memory>
    <vcpu current='1'>4</vcpu><os><type>hvm</type></os></domain>`;
}

t.test('with one daemon of our own', async (t) => {
  const daemon = await privateLibvirtd(t);

  t.test('the life of a domain, and libvirt’s errors as questions a caller asks', async (t) => {
    const client = await connected(t, { uri: daemon.uri });
    const { domains } = client;
    const events = client.events({ types: ['lifecycle'] });
    const dom = await domains.define(domainXml('life'));
    t.same(await domains.state(dom), { state: 'shutoff', reason: 'unknown' });
    t.ok(isWrongState(await domains.destroy(dom).catch((e: unknown) => e)), 'powering off what is off');
    const running = await domains.start(dom);
    t.ok(running.id > 0, 'the running domain has an id');
    await domains.tuning.setVcpus(dom, 2, VCPUS.live);
    await domains.suspend(dom);
    t.same(await domains.state(dom), { state: 'paused', reason: 'user' });
    await domains.resume(dom);
    const [row] = await domains.stats(STATS.state | STATS.vcpu, 0, [dom]);
    t.equal(row?.params.get('state.state'), 1);
    t.match(await domains.info(dom), { memoryKiB: 8192n, vcpus: 2 });
    t.match(await domains.xml(dom), /<name>life<\/name>/);
    await domains.tuning.setMetadata(dom, { uri: 'urn:ikt', key: 'k', xml: '<a/>' }, AFFECT.live);
    t.match(await domains.tuning.metadata(dom, 'urn:ikt', AFFECT.live), /<a\/>/);
    await domains.destroy(dom);
    await domains.undefine(dom);
    const seen: string[] = [];
    while (seen.at(-1) !== 'undefined/removed') {
      const { value } = await events.next();
      if (value.type === 'lifecycle') seen.push(`${value.event}/${value.detail}`);
    }
    t.same(seen, [
      'defined/added',
      'started/booted',
      'suspended/paused',
      'resumed/unpaused',
      'stopped/destroyed',
      'undefined/removed',
    ]);
    t.ok(isNotFound(await domains.byUuid(dom.uuid).catch((e: unknown) => e)), 'looking it up afterwards');
    t.ok(isInvalid(await domains.define('<domain>').catch((e: unknown) => e)), 'defining nonsense');
    t.ok(
      isUnsupported(await client.host.memoryStats().catch((e: unknown) => e)),
      'what the driver cannot do',
    );
  });

  t.test('hundreds of calls at once are all answered, each with its own answer', async (t) => {
    const { domains } = await connected(t, { uri: daemon.uri });
    const names = Array.from({ length: 200 }, (_, index) => `many-${index}`);
    const defined = await Promise.all(names.map((name) => domains.define(domainXml(name))));
    t.same(
      defined.map((dom) => dom.name),
      names,
    );
    const found = await Promise.all(names.map((name) => domains.byName(name)));
    t.same(found, defined);
    const rows = await domains.stats(STATS.state);
    t.ok(rows.length >= 200, 'one bulk call shows them all');
    await Promise.all(defined.map((dom) => domains.undefine(dom)));
  });

  t.test('storage pools, volumes and networks', async (t) => {
    const { storage, networks } = await connected(t, { uri: daemon.uri });
    const pool = await storage.poolByName('default-pool');
    t.match(await storage.pools(), [pool]);
    t.match(await storage.poolInfo(pool), { state: 2 });
    const xml = '<volume><name>v</name><capacity unit="bytes">1048576</capacity></volume>';
    const vol = await storage.createVolume(pool, xml);
    t.match(await storage.volumes(pool), [vol]);
    t.match(await storage.volumeInfo(vol), { type: 0, capacity: 1048576n });
    t.same(await storage.volumeByPath(await storage.volumePath(vol)), vol);
    t.match(await storage.volumeXml(vol), /<name>v<\/name>/);
    await storage.deleteVolume(vol);
    t.ok(isNotFound(await storage.volumeByName(pool, 'v').catch((e: unknown) => e)));
    const [net] = await networks.list();
    t.equal(net?.name, 'default');
    t.equal(await networks.isActive(net!), true);
  });

  t.test(
    '1,000 events: a quick consumer gets all, one that sleeps holds few and learns what it missed',
    async (t) => {
      const client = await connected(t, { uri: daemon.uri });
      const quick = client.events({ types: ['lifecycle'], capacity: 2_000 });
      const asleep = client.events({ types: ['lifecycle'], capacity: 50 });
      const dom = await client.domains.byName('test');
      let rounds = 0;
      let counted = 0;
      const counting = (async () => {
        for await (const event of quick) if (event.type === 'lifecycle' && ++counted === 1_000) break;
      })();
      for (; rounds < 500; rounds++) {
        await client.domains.suspend(dom);
        await client.domains.resume(dom);
      }
      await counting;
      t.equal(counted, 1_000);
      t.equal(asleep.size, 50);
      t.match((await asleep.next()).value, { type: 'overflow', dropped: 950 });
      t.match((await asleep.next()).value, { type: 'lifecycle', event: 'suspended' });
    },
  );

  t.test('over TCP, even when every byte comes alone', async (t) => {
    const sockets: Socket[] = [];
    const server = createServer((near) => {
      const far = dial({ path: daemon.socket });
      sockets.push(near, far);
      for (const socket of [near, far]) socket.on('error', () => {}).setNoDelay?.(true);
      near.pipe(far);
      far.on('data', (chunk: Buffer) => {
        for (let at = 0; at < chunk.length; at++) near.write(chunk.subarray(at, at + 1));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const client = await connected(t, { uri: `test+tcp://127.0.0.1:${port}/default` });
    t.equal(await client.host.type(), 'TEST');
    t.match(await client.host.capabilities(), /<capabilities>/);
  });

  t.test('a client that may only read', async (t) => {
    const client = await connected(t, { uri: daemon.uri, readOnly: true });
    const dom = await client.domains.byName('test');
    await t.rejects(client.domains.suspend(dom), { name: 'LibvirtError', codeName: 'OPERATION_DENIED' });
  });

  t.end();
});

t.test('events arrive after the daemon was restarted, without subscribing again', async (t) => {
  const daemon = await privateLibvirtd(t);
  const client = await connected(t, { uri: daemon.uri });
  const events = client.events();
  await client.domains.suspend(await client.domains.byName('test'));
  t.match(await next(events, 'lifecycle'), { event: 'suspended' });

  await daemon.kill();
  t.match(await next(events, 'disconnected'), { reason: /./ });
  t.notOk(client.connected);
  t.type(client.lastFailure, Error);
  await t.rejects(client.host.type(), ConnectionLostError, 'a call meanwhile fails at once');
  await daemon.start();
  await next(events, 'connected');
  t.ok(client.connected);
  await client.domains.suspend(await client.domains.byName('test'));
  t.match(await next(events, 'lifecycle'), { event: 'suspended', detail: 'paused' });
});

t.test('a daemon that hangs is noticed, its waiters woken, and it is used again', async (t) => {
  const daemon = await privateLibvirtd(t);
  const keepalive = { intervalMs: 300, count: 2 };
  const client = await connected(t, { uri: daemon.uri, keepalive });
  const events = client.events();
  daemon.process().kill('SIGSTOP');
  t.teardown(() => daemon.process().kill('SIGCONT'));
  await t.rejects(client.host.hostname(), { name: 'ConnectionLostError', message: /connect_get_hostname/ });
  t.match(await next(events, 'disconnected'), { reason: /has not answered for 600 ms/ });
  daemon.process().kill('SIGCONT');
  await next(events, 'connected');
  t.equal(await client.host.type(), 'TEST');
});

t.test('closing ends calls, iterations and the wish to reconnect', async (t) => {
  const daemon = await privateLibvirtd(t);
  const client = await connected(t, { uri: daemon.uri });
  const events = client.events();
  await daemon.kill();
  await next(events, 'disconnected');
  await client.close();
  t.same(await events.next(), { done: true, value: undefined });
  t.equal(client.state, 'closed');
  t.same(await client.events().next(), { done: true, value: undefined }, 'nor are there later ones');
  await t.rejects(client.host.type(), ConnectionLostError);
  await client.close();
});

t.test('no daemon: the first attempt fails by a named error and may be repeated', async (t) => {
  const client = new LibvirtClient({ uri: 'test+unix:///default?socket=/nonexistent/socket' });
  await t.rejects(client.connect(), { name: 'ConnectionLostError', message: /ENOENT/ });
  t.equal(client.state, 'idle');
  await t.rejects(client.connect(), ConnectionLostError);
  await client.close();
});
