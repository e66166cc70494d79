// IPv6 subnets and addresses: what is taken, what is refused, what comes next.
import t from 'tap';
import {
  canonical,
  hostRange6,
  isHostAddress6,
  nextAddress6,
  nextSubnet6,
  parseSubnet6,
} from '../../agent/addressing/ipv6.ts';
import type { VNet } from '../../agent/resources/vnet.ts';

const withSubnet = (cidr: string) => ({ ipv6: parseSubnet6(cidr) }) as VNet;

t.test('a subnet is read, and its gateway is the first address unless another is named', (t) => {
  t.same(parseSubnet6('FD12:0:0:1::/64'), {
    network: 'fd12:0:0:1::',
    prefixLength: 64,
    gateway: 'fd12:0:0:1::1',
  });
  t.equal(parseSubnet6('2001:db8::/56', '2001:DB8:0:0:0::FE').gateway, '2001:db8::fe');
  t.end();
});

t.test('what is not a subnet for guests is refused, with what was meant', (t) => {
  const refused: [string, RegExp][] = [
    ['10.0.0.0/24', /not an IPv6 subnet/],
    ['fd12::/64/1', /not an IPv6 subnet/],
    ['fd12::%eth0/64', /not an IPv6 subnet/],
    ['fd12::/32', /\/48 to \/120/],
    ['fd12::/128', /\/48 to \/120/],
    ['fd12::5/64', /did you mean fd12::\/64/],
    ['fe80::/64', /fe80::\/10/],
    ['ff02::/64', /ff00::\/8/],
    ['::ffff:0:0/96', /::\/8/],
    ['fd00:ec2::/64', /fd00:ec2::\/32/],
  ];
  for (const [cidr, message] of refused)
    t.throws(() => parseSubnet6(cidr), { code: 'invalid', message }, cidr);
  t.throws(() => parseSubnet6('fd12::/64', 'fd13::1'), { code: 'invalid' });
  t.end();
});

t.test('host addresses are all but the network’s own', (t) => {
  const subnet = parseSubnet6('fd12::/120');
  t.notOk(isHostAddress6(subnet, 'fd12::'));
  t.ok(isHostAddress6(subnet, 'fd12::1'));
  t.ok(isHostAddress6(subnet, 'fd12::ff'));
  t.notOk(isHostAddress6(subnet, 'fd12::100'));
  t.notOk(isHostAddress6(subnet, 'fd12::1%eth0'));
  t.notOk(isHostAddress6(subnet, '10.0.0.1'));
  t.equal(canonical('FD12:0::0001'), 'fd12::1');
  t.end();
});

t.test('the lowest free address comes next, until none is left', (t) => {
  const subnet = parseSubnet6('fd12::/120');
  t.equal(nextAddress6(subnet, new Set()), 'fd12::2');
  t.equal(nextAddress6(subnet, new Set(['fd12::2', 'fd12::4'])), 'fd12::3');
  const all = new Set(Array.from({ length: 256 }, (_, i) => `fd12::${i.toString(16)}`));
  t.equal(nextAddress6(subnet, all), undefined);
  t.end();
});

t.test('a host has a unique local range of its own, the same at every start', (t) => {
  const range = hostRange6('host-a');
  t.match(range, /^fd[0-9a-f]{2}:[0-9a-f]{4}:[0-9a-f]{4}::\/48$/);
  t.equal(hostRange6('host-a'), range);
  t.not(hostRange6('host-b'), range);
  t.end();
});

t.test('allocated subnets are /64, beside those that are there', (t) => {
  const range = 'fd12:3456:789a::/48';
  t.equal(nextSubnet6(range, [])?.network, 'fd12:3456:789a:1::');
  t.equal(nextSubnet6(range, [withSubnet('fd12:3456:789a:1::/64')])?.network, 'fd12:3456:789a:2::');
  t.equal(nextSubnet6(range, [withSubnet('fd12:3456:789a::/56')])?.network, 'fd12:3456:789a:100::');
  t.equal(nextSubnet6('fd12::/64', [withSubnet('fd12::/64')]), undefined);
  t.throws(() => nextSubnet6('fd12::/96', []), { code: 'invalid' });
  t.end();
});
