// Several VNets with the same addresses, served by one process; sockets opened, refused and closed.
import { execFileSync } from 'node:child_process';
import type net from 'node:net';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { MetadataServer, type ServedNetwork } from '../../metadata-server/mod.ts';
import { SocketOpener } from '../../metadata-server/sockets/opener.ts';
import { udhcpc } from '../helpers/dhcp-client.ts';
import { directoryOf, factsOf, nicOf, silentLog } from '../helpers/guest-facts.ts';
import { makeWire, sh, type Wire } from '../helpers/wires.ts';

const MAC = '52:54:5e:00:00:01';
const METADATA = 'http://169.254.169.254';

function networkOn(wire: Wire, vnetId: string): ServedNetwork {
  const ipv4 = { address: '10.0.0.1', prefixLength: 24 };
  return { vnetId, namespace: wire.server, device: 'vnet0', ipv4, mtu: 1400, leaseSeconds: 3600 };
}

const guestOf = (vnetId: string, userData: string) =>
  factsOf({
    vserverId: `vs-${vnetId}`,
    instanceId: `i-${vnetId}`,
    userData: Buffer.from(userData),
    nics: [nicOf({ vnetId })],
  });

/** Gives the client its address by hand, where DHCP is not the point. */
async function configure(wire: Wire, index: number, address: string): Promise<void> {
  const inside = (...args: string[]) => wire.inClient(index, 'ip', ...args);
  await inside('address', 'add', `${address}/24`, 'dev', 'eth0');
  await inside('route', 'add', 'default', 'via', '10.0.0.1');
}

const curl = (wire: Wire, url: string, ...more: string[]) =>
  wire.inClient(0, 'curl', '-sS', '--max-time', '20', ...more, url);

t.test('two VNets with the same subnet, MAC and address get different answers', async (t) => {
  const wires = [await makeWire('ikn', [MAC]), await makeWire('ikn', [MAC])] as const;
  t.teardown(() => Promise.all(wires.map((wire) => wire.remove())));
  const directory = directoryOf(guestOf('vnet-a', 'I am A'), guestOf('vnet-b', 'I am B'));
  const server = new MetadataServer({ directory, log: silentLog });
  t.teardown(() => server.close());
  // Started before anything serves them: whoever has a lease must find its user data at the first try.
  const directories = t.testdir({ 0: {}, 1: {} });
  const clients = wires.map((wire, i) => {
    const after = `[ $1 = bound ] && hostname=$(curl -sS ${METADATA}/user-data 2>&1 | tr ' ' _)`;
    return udhcpc(wire.clients[0] as string, `${directories}/${i}`, { after });
  });
  for (const client of clients) t.teardown(client.stop);
  await Promise.all(clients.map((client) => client.next()));
  await Promise.all([server.add(networkOn(wires[0], 'vnet-a')), server.add(networkOn(wires[1], 'vnet-b'))]);
  const leases = await Promise.all(clients.map((client) => client.next()));
  t.match(leases[0], { event: 'bound', ip: '10.0.0.11', hostname: 'I_am_A' });
  t.match(leases[1], { event: 'bound', ip: '10.0.0.11', hostname: 'I_am_B' });
  t.equal(await curl(wires[0], `${METADATA}/system-data/vserver-id`), 'vs-vnet-a');
  t.equal(await curl(wires[1], `${METADATA}/system-data/vserver-id`), 'vs-vnet-b');
  t.equal(
    await curl(wires[0], 'http://10.0.0.1/latest/meta-data/instance-id'),
    'i-vnet-a',
    'CloudStack’s way',
  );
  const token = await curl(
    wires[0],
    `${METADATA}/latest/api/token`,
    '-XPUT',
    '-HX-aws-ec2-metadata-token-ttl-seconds: 60',
  );
  const header = `-HX-aws-ec2-metadata-token: ${token}`;
  t.equal(await curl(wires[0], `${METADATA}/latest/user-data`, header), 'I am A');
  const neighbour = await curl(
    wires[1],
    `${METADATA}/latest/user-data`,
    header,
    '-o/dev/null',
    '-w%{http_code}',
  );
  t.equal(neighbour, '401', 'a token is worth nothing to the neighbour');
  await curl(wires[1], `${METADATA}/system-data/initial-password`, '-XPUT', '-dgeheim');
  t.same([...directory.passwords], [['vs-vnet-b', { text: 'geheim', how: 'clear' }]]);
});

t.test('a spoofed address gets nothing', async (t) => {
  const wire = await makeWire('ikn', [MAC]);
  t.teardown(wire.remove);
  const server = new MetadataServer({ directory: directoryOf(guestOf('vnet-a', 'secret')), log: silentLog });
  t.teardown(() => server.close());
  await server.add(networkOn(wire, 'vnet-a'));
  await configure(wire, 0, '10.0.0.66');
  const answer = await curl(wire, `${METADATA}/user-data`).catch((error: Error) => error.message);
  t.notMatch(answer, 'secret');
  t.match(server.counters('vnet-a')?.http, { strangers: 1, requests: 0 });
});

t.test('a VNet removed is silent, and can be added again; adding what is there does nothing', async (t) => {
  const wire = await makeWire('ikn', [MAC]);
  t.teardown(wire.remove);
  const server = new MetadataServer({ directory: directoryOf(guestOf('vnet-a', 'here')), log: silentLog });
  t.teardown(() => server.close());
  const network = networkOn(wire, 'vnet-a');
  await configure(wire, 0, '10.0.0.11');
  await Promise.all([server.add(network), server.add({ ...network })]);
  t.equal(await curl(wire, `${METADATA}/user-data`), 'here');
  t.same(server.networks, [network]);
  await server.remove('vnet-a');
  await server.remove('vnet-a');
  t.equal(server.counters('vnet-a'), undefined);
  await t.rejects(curl(wire, `${METADATA}/user-data`), /Failed to connect/);
  t.equal((await sh('ip', 'netns', 'exec', wire.server, 'ss', '-Hlntu')).trim(), '', 'no socket is left');
  await server.add(network);
  t.equal(await curl(wire, `${METADATA}/user-data`), 'here');
  await server.close();
  await t.rejects(server.add(network), { code: 'conflict' });
});

t.test('a namespace that was made anew under the same name is noticed', async (t) => {
  const wire = await makeWire('ikn', [MAC]);
  t.teardown(wire.remove);
  const server = new MetadataServer({ directory: directoryOf(), log: silentLog });
  t.teardown(() => server.close());
  const network = networkOn(wire, 'vnet-a');
  await server.add(network);
  await sh('ip', 'netns', 'delete', wire.server);
  await sh('ip', 'netns', 'add', wire.server);
  await sh('ip', '-n', wire.server, 'link', 'set', 'lo', 'up');
  for (const address of ['10.0.0.1/24', '169.254.169.254/32']) {
    await sh('ip', '-n', wire.server, 'address', 'add', address, 'dev', 'lo');
  }
  const sockets = () => sh('ip', 'netns', 'exec', wire.server, 'ss', '-Hlntu');
  t.equal((await sockets()).trim(), '');
  await server.add(network);
  t.match(await sockets(), /0\.0\.0\.0:67(.|\n)*169\.254\.169\.254:80/);
});

t.test(
  'without the namespace, or with a port taken, there is one clear error and nothing stays open',
  async (t) => {
    const wire = await makeWire('ikn', [MAC]);
    t.teardown(wire.remove);
    const server = new MetadataServer({ directory: directoryOf(), log: silentLog });
    t.teardown(() => server.close());
    const network = networkOn(wire, 'vnet-a');
    const missing = server.add({ ...network, namespace: 'ikn-not-there' });
    await t.rejects(missing, { code: 'not-found', message: 'There is no network namespace ikn-not-there.' });
    const rival = new MetadataServer({ directory: directoryOf(), log: silentLog });
    await rival.add({ ...network, vnetId: 'vnet-rival' });
    await t.rejects(server.add(network), { code: 'conflict', message: /Cannot open metadata in namespace/ });
    t.same(server.networks, []);
    await rival.close();
    t.equal((await sh('ip', 'netns', 'exec', wire.server, 'ss', '-Hlntu')).trim(), '');
    await server.add(network);
    const elsewhere = { ...network, vnetId: 'vnet-x', ipv4: { address: '10.99.0.1', prefixLength: 24 } };
    await t.rejects(server.add(elsewhere), /EADDR/, 'a gateway address the namespace does not have');
  },
);

t.test('an opener that takes too long is ended, and the error says so', async (t) => {
  const wire = await makeWire('ikn', []);
  t.teardown(wire.remove);
  const server = new MetadataServer({ directory: directoryOf(), log: silentLog, limits: { openMs: 1 } });
  t.teardown(() => server.close());
  await t.rejects(server.add(networkOn(wire, 'vnet-a')), {
    code: 'internal',
    message: /took longer than 1 ms/,
  });
  t.equal((await sh('ip', 'netns', 'exec', wire.server, 'ss', '-Hlntu')).trim(), '');
});

/** The programs of one name that this process has started, by their number. */
async function childrenNamed(program: string): Promise<number[]> {
  const rows = (await sh('ps', '-eo', 'pid=,ppid=,args=')).split('\n').map((row) => row.trim().split(/\s+/));
  return rows
    .filter(([, parent, ...args]) => Number(parent) === process.pid && args.join(' ').includes(program))
    .map(([pid]) => Number(pid));
}

t.test('one opener serves all VNets, goes with the server, and a dead one is replaced', async (t) => {
  const wires = [await makeWire('ikn', []), await makeWire('ikn', [])] as const;
  t.teardown(() => Promise.all(wires.map((wire) => wire.remove())));
  const server = new MetadataServer({ directory: directoryOf(), log: silentLog });
  t.teardown(() => server.close());
  const before = await childrenNamed('opener.pl');
  const ours = async () => (await childrenNamed('opener.pl')).filter((pid) => !before.includes(pid));
  await Promise.all([server.add(networkOn(wires[0], 'vnet-a')), server.add(networkOn(wires[1], 'vnet-b'))]);
  const [opener, ...more] = await ours();
  t.ok(opener);
  t.same(more, []);
  process.kill(opener!, 'SIGKILL');
  while ((await ours()).includes(opener!)) await setTimeout(20);
  await server.remove('vnet-a');
  await server.add(networkOn(wires[0], 'vnet-a'));
  t.match(await sh('ip', 'netns', 'exec', wires[0].server, 'ss', '-Hlntu'), /0\.0\.0\.0:67/);
  await server.close();
  while ((await ours()).length > 0) await setTimeout(20);
});

t.test('a stage of sockets is opened only when the one before it was taken', async (t) => {
  const wire = await makeWire('ikn', []);
  t.teardown(wire.remove);
  const order: string[] = [];
  const opened: { close(): unknown }[] = [];
  t.teardown(() => opened.map((socket) => socket.close()));
  // Synchronous on purpose: while a socket is being taken, nothing further may be opened.
  const udpSockets = () =>
    execFileSync('ip', ['netns', 'exec', wire.server, 'ss', '-Hlnu'], { encoding: 'utf8' });
  const tcp = (name: string, port: number) => ({ name, kind: 'tcp' as const, address: '10.0.0.1', port });
  const udp = { name: 'dhcp', kind: 'udp4' as const, address: '0.0.0.0', port: 67 };
  const opener = new SocketOpener();
  t.teardown(() => opener.close());
  await opener.open(
    wire.server,
    [[tcp('one', 80), tcp('two', 8080)], [udp]],
    {
      listener: (name, server) => {
        order.push(name);
        opened.push(server);
        t.equal(udpSockets(), '', `no UDP socket yet when ${name} is taken`);
      },
      datagrams: (name, socket) => {
        order.push(name);
        opened.push(socket);
      },
    },
    30_000,
  );
  t.same(order, ['one', 'two', 'dhcp']);
  t.ok((opened[0] as net.Server).listening);
  t.match(udpSockets(), /0\.0\.0\.0:67/);
});
