// Other people's DHCP clients get, renew and lose leases from us, in a namespace of their own.
import t, { type Test } from 'tap';
import { MetadataServer } from '../../metadata-server/mod.ts';
import { dhclient, dhcpcd, udhcpc } from '../helpers/dhcp-client.ts';
import { directoryOf, factsOf, nicOf, silentLog } from '../helpers/guest-facts.ts';
import { makeWire, type Wire } from '../helpers/wires.ts';

const KNOWN = '52:54:5e:00:00:01';
const UNKNOWN = '52:54:5e:00:00:99';

async function served(t: Test): Promise<{ wire: Wire; server: MetadataServer }> {
  const wire = await makeWire('ikd', [KNOWN, UNKNOWN]);
  t.teardown(wire.remove);
  const directory = directoryOf(factsOf({ nics: [nicOf({ vnetId: 'vnet-a' })] }));
  const server = new MetadataServer({ directory, log: silentLog });
  t.teardown(() => server.close());
  await server.add({
    vnetId: 'vnet-a',
    namespace: wire.server,
    device: 'vnet0',
    ipv4: { address: '10.0.0.1', prefixLength: 24 },
    mtu: 1400,
    leaseSeconds: 3600,
  });
  return { wire, server };
}

t.test('udhcpc gets a lease, renews it by unicast and releases it', async (t) => {
  const { wire, server } = await served(t);
  const client = udhcpc(wire.clients[0] as string, t.testdir());
  t.teardown(client.stop);
  t.match(await client.next(), { event: 'deconfig' });
  t.match(await client.next(), {
    event: 'bound',
    ip: '10.0.0.11',
    router: '10.0.0.1',
    mtu: '1400',
    dns: '10.0.0.53',
    hostname: 'demo',
    domain: 'example.org',
    lease: '3600',
    serverid: '10.0.0.1',
  });
  client.child.kill('SIGUSR1');
  t.match(await client.next(), { event: 'renew', ip: '10.0.0.11' });
  t.match(server.counters('vnet-a')?.dhcp4, { discover: 1, request: 2, ack: 2, sendFailed: 0 });
  client.child.kill('SIGUSR2');
  t.match(await client.next(), { event: 'deconfig' });
  while (server.counters('vnet-a')?.dhcp4.release !== 1)
    await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(server.counters('vnet-a')?.dhcp4Clients[0]?.mac, KNOWN);
});

t.test('dhclient that comes back with a wrong old address is NAKed and gets the right one', async (t) => {
  const { wire, server } = await served(t);
  const client = dhclient(wire.clients[0] as string, t.testdir(), '192.168.7.7');
  t.teardown(client.stop);
  let told = await client.next();
  while (told.event !== 'BOUND') told = await client.next();
  t.match(told, { ip: '10.0.0.11', mtu: '1400', routes: '32,169,254,169,254,10,0,0,1,0,10,0,0,1' });
  t.match(server.counters('vnet-a')?.dhcp4, { nak: 1, discover: 1, offer: 1, ack: 1 });
});

t.test('dhclient that comes back with its right address is acknowledged at once', async (t) => {
  const { wire, server } = await served(t);
  const client = dhclient(wire.clients[0] as string, t.testdir(), '10.0.0.11');
  t.teardown(client.stop);
  let told = await client.next();
  while (told.event !== 'REBOOT') told = await client.next();
  t.match(told, { ip: '10.0.0.11' });
  t.match(server.counters('vnet-a')?.dhcp4, { discover: 0, nak: 0, ack: 1 });
});

t.test('dhcpcd understands what it is offered', async (t) => {
  const { wire } = await served(t);
  const client = dhcpcd(wire.clients[0] as string, t.testdir());
  t.teardown(client.stop);
  let told = await client.next();
  while (told.event !== 'TEST') told = await client.next();
  t.match(told, { ip: '10.0.0.11', router: '10.0.0.1', mtu: '1400', hostname: 'demo' });
});

t.test('a hardware address that is nobody’s gets no answer', async (t) => {
  const { wire, server } = await served(t);
  const client = udhcpc(wire.clients[1] as string, t.testdir());
  t.teardown(client.stop);
  while ((server.counters('vnet-a')?.dhcp4.unknown ?? 0) < 2)
    await new Promise((resolve) => setTimeout(resolve, 20));
  t.match(server.counters('vnet-a')?.dhcp4, { offer: 0, ack: 0, nak: 0 });
});
