// DHCPv6: the codec's bounds and what the responder answers to each message (RFC 8415 section 18.3).
import t from 'tap';
import { macOf, toOctets } from '../../metadata-server/dhcp6/address.ts';
import { find, option, parseMessage, parseOptions, u32 } from '../../metadata-server/dhcp6/message.ts';
import { respond6, serverDuid } from '../../metadata-server/dhcp6/responder.ts';
import type { Guest } from '../../metadata-server/mod.ts';
import { factsOf, nicOf } from '../helpers/guest-facts.ts';

const network = {
  vnetId: 'vnet-a',
  namespace: 'none',
  device: 'vnet0',
  ipv6: { address: '2001:db8::1', prefixLength: 64 },
  mtu: 1400,
  leaseSeconds: 3600,
};
const OWN = '2001:db8::11';
const nic = nicOf({ ipv6: { address: OWN, prefixLength: 64 }, ntpServers: ['2001:db8::123'] });
const guest: Guest = { facts: factsOf(), nic };

const clientId = option(1, Buffer.from('00030001525400000001', 'hex'));
const serverId = option(2, serverDuid('vnet-a'));
const otherServer = option(2, Buffer.from('000300015254ffffffff', 'hex'));
const iaAddress = (address: string) => option(5, toOctets(address), u32(1), u32(1));
const iaNa = (id: number, ...addresses: string[]) =>
  option(3, u32(id), u32(0), u32(0), ...addresses.map(iaAddress));
const wants = (...codes: number[]) => option(6, ...codes.map((code) => Buffer.from([code >> 8, code & 255])));

function ask(type: number, options: Buffer[], who: Guest | null = guest) {
  const message = parseMessage(Buffer.concat([Buffer.from([type, 1, 2, 3]), ...options]));
  if (!message) throw new Error('not read');
  const answer = respond6(message, network, who ?? undefined);
  if (answer.kind === 'silence') return { silence: answer.reason };
  const reply = parseMessage(answer.data);
  if (reply?.transaction.toString('hex') !== '010203') throw new Error('not an answer to this message');
  return { type: reply.type, reply };
}

/** Every address of every association: [address, valid lifetime]. */
function leases(reply: ReturnType<typeof parseMessage>): [string, number][] {
  return (reply?.options ?? [])
    .filter(({ code }) => code === 3)
    .flatMap(({ value }) => parseOptions(value.subarray(12)) ?? [])
    .filter(({ code }) => code === 5)
    .map(({ value }) => [value.subarray(0, 16).toString('hex'), value.readUInt32BE(20)]);
}
const OWN_LEASE = [toOctets(OWN).toString('hex'), 3600];
const statusOf = (value: Buffer | undefined) => value?.readUInt16BE(0);

t.test('SOLICIT is advertised the fixed address, with rapid commit it is given at once', async (t) => {
  const advertised = ask(1, [clientId, iaNa(7)]);
  t.equal(advertised.type, 2);
  t.same(leases(advertised.reply), [OWN_LEASE]);
  t.same(find(advertised.reply?.options ?? [], 7), Buffer.of(255), 'it need not wait for other servers');
  const committed = ask(1, [clientId, iaNa(7), option(14)]);
  t.equal(committed.type, 7);
  t.ok(find(committed.reply?.options ?? [], 14));
});

t.test('REQUEST, RENEW and REBIND are given the address, and other addresses are ended', async (t) => {
  for (const [type, ids] of [
    [3, [clientId, serverId]],
    [5, [clientId, serverId]],
    [6, [clientId]],
  ] as const) {
    const { type: answered, reply } = ask(type, [...ids, iaNa(7, OWN, '2001:db8::99')]);
    t.equal(answered, 7);
    t.same(leases(reply), [OWN_LEASE, [toOctets('2001:db8::99').toString('hex'), 0]]);
  }
});

t.test('a second association and a prefix get a status instead', async (t) => {
  const { reply } = ask(3, [clientId, serverId, iaNa(1), iaNa(2), option(25, u32(3), u32(0), u32(0))]);
  t.same(leases(reply), [OWN_LEASE]);
  const second = reply?.options.filter(({ code }) => code === 3)[1]?.value ?? Buffer.alloc(0);
  t.equal(statusOf(find(parseOptions(second.subarray(12)) ?? [], 13)), 2, 'NoAddrsAvail');
  const prefix = find(reply?.options ?? [], 25) ?? Buffer.alloc(0);
  t.equal(statusOf(find(parseOptions(prefix.subarray(12)) ?? [], 13)), 6, 'NoPrefixAvail');
});

t.test('CONFIRM says whether the client is still where its address is good', async (t) => {
  const status = (...addresses: string[]) =>
    statusOf(find(ask(4, [clientId, iaNa(7, ...addresses)]).reply?.options ?? [], 13));
  t.equal(status(OWN), 0);
  t.equal(status('2001:db8::99'), 4);
  t.same(ask(4, [clientId, iaNa(7)]), { silence: 'incomplete' });
});

t.test('RELEASE and DECLINE are noted', async (t) => {
  for (const type of [8, 9]) {
    t.equal(statusOf(find(ask(type, [clientId, serverId, iaNa(7, OWN)]).reply?.options ?? [], 13)), 0);
  }
});

t.test('INFORMATION-REQUEST gets what it asks for and no address', async (t) => {
  const { type, reply } = ask(11, [wants(23, 24, 31, 56, 99)]);
  t.equal(type, 7);
  const options = reply?.options ?? [];
  t.same(find(options, 23), toOctets('2001:db8::53'));
  t.equal(find(options, 24)?.toString('latin1'), '\x03one\x07example\x03org\x00\x07example\x03org\x00');
  t.same(find(options, 31), toOctets('2001:db8::123'));
  t.same(find(options, 56), option(1, toOctets('2001:db8::123')));
  t.notOk(find(options, 3));
  t.notOk(find(ask(11, [wants(24)]).reply?.options ?? [], 23), 'not asked for');
});

t.test('a guest without an IPv6 address is told so', async (t) => {
  const { ipv6: _none, ...without } = nic;
  const { reply } = ask(1, [clientId, iaNa(7)], { facts: factsOf(), nic: without });
  t.same(leases(reply), []);
  const association = find(reply?.options ?? [], 3) ?? Buffer.alloc(0);
  t.equal(statusOf(find(parseOptions(association.subarray(12)) ?? [], 13)), 2);
});

t.test('silence has a reason', async (t) => {
  t.same(ask(1, [clientId, iaNa(7)], null), { silence: 'unknown' });
  t.same(ask(1, [iaNa(7)]), { silence: 'no-client-id' });
  t.same(ask(1, [clientId, serverId]), { silence: 'misplaced-server-id' });
  t.same(ask(3, [clientId, iaNa(7)]), { silence: 'other-server' }, 'REQUEST must name its server');
  t.same(ask(3, [clientId, otherServer, iaNa(7)]), { silence: 'other-server' });
  t.same(ask(11, [otherServer]), { silence: 'other-server' });
  t.same(ask(12, [clientId]), { silence: 'other-type' }, 'relayed');
});

t.test('the hardware address comes out of an EUI-64 link-local address and no other', async (t) => {
  t.equal(macOf('fe80::5054:5eff:fe00:1%vnet0'), '52:54:5e:00:00:01');
  t.equal(macOf('fe80::5054:5e00:fe00:1'), undefined);
  t.equal(macOf('2001:db8::5054:5eff:fe00:1'), undefined);
});

t.test('a hundred thousand damaged messages never throw', async (t) => {
  const base = Buffer.concat([Buffer.from([3, 1, 2, 3]), clientId, serverId, iaNa(7, OWN), wants(23, 24)]);
  let seed = 4;
  const next = (bound: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return (seed >>> 8) % bound;
  };
  let read = 0;
  for (let i = 0; i < 100_000; i++) {
    const data = Buffer.from(base.subarray(0, i % 8 === 0 ? next(base.length + 1) : base.length));
    for (let change = next(4); change >= 0 && data.length > 0; change--) data[next(data.length)] = next(256);
    const message = parseMessage(data);
    if (!message) continue;
    respond6(message, network, guest);
    read++;
  }
  t.ok(read > 10_000 && read < 90_000, `${read} of them could be read`);
});
