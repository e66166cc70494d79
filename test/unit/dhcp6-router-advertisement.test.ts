// The router advertisement of a VNet, octet by octet.
import t from 'tap';
import { routerAdvertisement } from '../../metadata-server/router-advertisement/message.ts';

const network = {
  vnetId: 'vnet-a',
  namespace: 'ns',
  device: 'vnet0',
  ipv6: { address: 'fd12::1', prefixLength: 60 },
  mtu: 1400,
  leaseSeconds: 3600,
};

function options(message: Buffer): Map<number, string> {
  const found = new Map<number, string>();
  for (let at = 16; at < message.length; at += message[at + 1]! * 8) {
    found.set(message[at]!, message.subarray(at + 2, at + message[at + 1]! * 8).toString('hex'));
  }
  return found;
}

t.test('it says: ask DHCPv6 for addresses and the rest, no addresses of your own making', (t) => {
  const message = routerAdvertisement(network);
  t.equal(message.subarray(0, 16).toString('hex'), `8600000040c0${(9000).toString(16)}${'00'.repeat(8)}`);
  const found = options(message);
  t.equal(found.get(5), `0000${(1400).toString(16).padStart(8, '0')}`, 'MTU');
  const prefix = `fd12${'00'.repeat(14)}`;
  t.equal(
    found.get(3),
    `3c80ffffffffffffffff00000000${prefix}`,
    'on link, not autonomous; host bits are zero',
  );
  t.equal(found.get(24), `800000002328fd000ec2${'00'.repeat(10)}0254`, 'where the configuration service is');
  t.same([...found.keys()], [5, 3, 24], 'no resolvers, so no option for them');
  t.end();
});

t.test('resolvers and search domains are told, IPv4 resolvers and impossible names are not', (t) => {
  const message = routerAdvertisement({
    ...network,
    dnsServers: ['10.0.0.53', '2001:db8::53'],
    searchDomains: ['example.org', `${'x'.repeat(64)}.org`],
  });
  t.equal(message.length % 8, 0);
  const found = options(message);
  t.equal(found.get(25), `00000000232820010db8${'00'.repeat(10)}0053`);
  t.match(
    found.get(31),
    new RegExp(`^000000002328${Buffer.from('\x07example\x03org\x00').toString('hex')}(00)*$`),
  );
  t.end();
});
