// The provider's ranges: what may be allocated, in which order, and which configurations are refused.
import t from 'tap';
import {
  checkInet,
  type Inet,
  isPublicAddress,
  nextPublicAddress,
  providerOf,
  publicAddressCount,
  readAddress,
} from '../../agent/addressing/public.ts';
import { checkConfig } from '../../agent/config/config.ts';

const bridged: Inet = {
  bridge: 'br0',
  ipv4_ranges: ['203.0.113.0/30', '198.51.100.7/32'],
  ipv4_gateway: '203.0.113.1',
  ipv6_ranges: ['2001:db8::/64'],
  ipv6_gateway: 'fe80::1',
};
const behind: Inet = { ipv4_ranges: ['192.168.9.0/29'], ipv6_ranges: [] };

/** Everything that is given away, in order. */
function all(inet: Inet): string[] {
  const given: string[] = [];
  for (;;) {
    const next = nextPublicAddress(inet, 'ipv4', new Set(given));
    if (next === undefined) return given;
    given.push(next);
  }
}

t.test('a provider’s ranges are given away whole, but for his router', async (t) => {
  t.same(all(bridged), ['203.0.113.0', '203.0.113.2', '203.0.113.3', '198.51.100.7']);
  t.equal(publicAddressCount(bridged, 'ipv4'), 4);
  t.notOk(isPublicAddress(bridged, 'ipv4', '203.0.113.1'));
  t.notOk(isPublicAddress(bridged, 'ipv4', '203.0.113.4'));
});

t.test('behind the host the ends of the range and the host’s own address are left out', async (t) => {
  t.same(all(behind), ['192.168.9.2', '192.168.9.3', '192.168.9.4', '192.168.9.5', '192.168.9.6']);
  t.equal(publicAddressCount(behind, 'ipv4'), 5);
  t.same(providerOf(behind, 'ipv4'), { gateway: '192.168.9.1', ranges: ['192.168.9.0/29'] });
  t.equal(providerOf(behind, 'ipv6'), undefined);
  t.equal(nextPublicAddress(behind, 'ipv6', new Set()), undefined);
});

t.test('IPv6 has one way of writing an address', async (t) => {
  t.same(readAddress('2001:DB8:0:0::5'), { protocol: 'ipv6', address: '2001:db8::5' });
  t.same(readAddress('203.0.113.9'), { protocol: 'ipv4', address: '203.0.113.9' });
  for (const wrong of ['fe80::1%eth0', '203.0.113', 'host', ''])
    t.equal(readAddress(wrong), undefined, wrong);
  t.equal(nextPublicAddress(bridged, 'ipv6', new Set(['2001:db8::'])), '2001:db8::1');
  t.equal(publicAddressCount(bridged, 'ipv6'), Number.MAX_SAFE_INTEGER, 'more than can be counted');
});

t.test('a configuration that cannot work is refused with the reason', async (t) => {
  const wrong: [Partial<Inet>, RegExp][] = [
    [{ ipv4_ranges: ['203.0.113.1/28'] }, /host bits set; did you mean 203\.0\.113\.0\/28/],
    [{ ipv4_ranges: ['203.0.113.0/33'] }, /not a range/],
    [{ ipv4_ranges: ['169.254.0.0/24'] }, /lies in 169\.254/],
    [{ ipv4_ranges: ['0.0.0.0/0'] }, /lies in/],
    [{ ipv6_ranges: ['fe80::/64'] }, /lies in fe80/],
    [{ ipv6_ranges: ['203.0.113.0/28'] }, /not a range/],
  ];
  for (const [part, why] of wrong) t.throws(() => checkInet({ ...bridged, ...part }), { message: why });
  const { ipv4_gateway, ...routerless } = bridged;
  t.throws(() => checkInet(routerless), { message: /ipv4_gateway is missing/ });
  checkInet(bridged);
  checkInet(behind);
  t.throws(() => checkConfig({ inet: { ...behind, ipv4_ranges: ['10.0.0.1/8'] } }), { code: 'invalid' });
  t.same(checkConfig({ inet: { ipv4_ranges: ['192.168.9.0/29'] } }).inet, behind);
  t.equal(checkConfig({}).inet, undefined);
});
