// IPv6 in a namespace: a DHCPv6 client that we did not write, and the metadata service at its IPv6 address.
import t from 'tap';
import { MetadataServer } from '../../metadata-server/mod.ts';
import { dhclient6 } from '../helpers/dhcp-client.ts';
import { directoryOf, factsOf, nicOf, silentLog } from '../helpers/guest-facts.ts';
import { makeWire } from '../helpers/wires.ts';

t.test('dhclient -6 gets the fixed address, and its user data over IPv6', async (t) => {
  const wire = await makeWire('ik6', ['52:54:5e:00:00:01'], { gateway: '2001:db8::1' });
  t.teardown(wire.remove);
  const nic = nicOf({ vnetId: 'vnet-a', ipv6: { address: '2001:db8::11', prefixLength: 64 } });
  const server = new MetadataServer({ directory: directoryOf(factsOf({ nics: [nic] })), log: silentLog });
  t.teardown(() => server.close());
  await server.add({
    vnetId: 'vnet-a',
    namespace: wire.server,
    device: 'vnet0',
    ipv4: { address: '10.0.0.1', prefixLength: 24 },
    ipv6: { address: '2001:db8::1', prefixLength: 64 },
    mtu: 1400,
    leaseSeconds: 3600,
  });
  const client = dhclient6(wire.clients[0] as string, t.testdir());
  t.teardown(client.stop);
  let told = await client.next();
  while (told.event !== 'BOUND6') told = await client.next();
  t.match(told, { ip6: '2001:db8::11', dns6: '2001:db8::53', search6: /one\.example\.org/ });
  t.match(server.counters('vnet-a')?.dhcp6, {
    solicit: 1,
    advertise: 1,
    request: 1,
    reply: 1,
    sendFailed: 0,
  });
  t.equal(server.counters('vnet-a')?.dhcp6Clients[0]?.mac, '52:54:5e:00:00:01');

  await wire.inClient(0, 'ip', 'address', 'add', '2001:db8::11/64', 'dev', 'eth0', 'nodad');
  await wire.inClient(0, 'ip', 'address', 'add', '2001:db8::66/64', 'dev', 'eth0', 'nodad');
  await wire.inClient(0, 'ip', 'route', 'add', 'fd00:ec2::254', 'via', '2001:db8::1', 'src', '2001:db8::11');
  const ask = (...options: string[]) =>
    wire.inClient(0, 'curl', '-sS', '--max-time', '20', ...options, 'http://[fd00:ec2::254]/user-data');
  t.equal(await ask(), '#!/bin/sh\necho hello\n');
  const spoofed = await ask('--interface', '2001:db8::66').catch((error: Error) => error.message);
  t.notMatch(spoofed, 'hello', 'not from an address that is nobody’s');
});
