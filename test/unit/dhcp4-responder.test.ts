// What the DHCPv4 responder answers, client state by client state (RFC 2131 section 4.3).
import t from 'tap';
import { encodeReply, parseRequest } from '../../metadata-server/dhcp4/packet.ts';
import { respond } from '../../metadata-server/dhcp4/responder.ts';
import type { Guest } from '../../metadata-server/mod.ts';
import { dhcpMessage, type MessageFields, octets, readReply } from '../helpers/dhcp-packets.ts';
import { factsOf, nicOf } from '../helpers/guest-facts.ts';

const network = {
  vnetId: 'vnet-a',
  namespace: 'none',
  device: 'vnet0',
  ipv4: { address: '10.0.0.1', prefixLength: 24 },
  mtu: 1400,
  leaseSeconds: 3600,
};
const guest: Guest = { facts: factsOf(), nic: nicOf() };
const OURS: [number, number[]] = [54, octets('10.0.0.1')];
const OTHER: [number, number[]] = [54, octets('10.0.0.2')];
const wants = (address: string): [number, number[]] => [50, octets(address)];

/** What comes back over the wire, and where it is sent to. */
function ask(
  type: number,
  fields: MessageFields,
  options: [number, number[]][] = [],
  who: Guest | null = guest,
  relays: string[] = [],
) {
  const request = parseRequest(dhcpMessage(fields, [[53, [type]], ...options]));
  if (typeof request === 'string') throw new Error(request);
  const answer = respond(request, { ...network, relays }, who ?? undefined);
  if (answer.kind === 'silence') return { silence: answer.reason };
  const reply = readReply(encodeReply(answer.reply));
  const { yiaddr, ciaddr, codes, options: got } = reply;
  return { type: got.get(53)?.[0], yiaddr, ciaddr, codes, options: got, to: answer.destination };
}

t.test('DISCOVER is offered the fixed address, by broadcast', async (t) => {
  t.match(ask(1, {}), { type: 2, yiaddr: '10.0.0.11', to: '255.255.255.255' });
  t.match(ask(1, {}, [wants('10.0.0.99')]), { type: 2, yiaddr: '10.0.0.11' }, 'whatever it wishes for');
});

t.test('DISCOVER with rapid commit is acknowledged at once', async (t) => {
  const reply = ask(1, {}, [[80, []]]);
  t.match(reply, { type: 5, yiaddr: '10.0.0.11' });
  t.same(reply.options?.get(80), []);
});

t.test('SELECTING: our offer is acknowledged, another server’s is none of our business', async (t) => {
  t.match(ask(3, {}, [OURS, wants('10.0.0.11')]), { type: 5, yiaddr: '10.0.0.11', to: '255.255.255.255' });
  t.match(ask(3, {}, [OURS, wants('10.0.0.12')]), { type: 6, yiaddr: '0.0.0.0' });
  t.same(ask(3, {}, [OTHER, wants('10.0.0.12')]), { silence: 'other-server' });
});

t.test('INIT-REBOOT: the right old address is acknowledged, a wrong one is NAKed by broadcast', async (t) => {
  t.match(ask(3, {}, [wants('10.0.0.11')]), { type: 5, yiaddr: '10.0.0.11' });
  const nak = ask(3, {}, [wants('192.168.7.7'), [55, [1, 3]]]);
  t.match(nak, { type: 6, yiaddr: '0.0.0.0', ciaddr: '0.0.0.0', to: '255.255.255.255' });
  t.same(nak.codes, [53, 54, 56], 'a NAK carries no lease');
});

t.test('RENEWING and REBINDING: by unicast to the address in use, NAK for any other', async (t) => {
  const renewed = ask(3, { ciaddr: '10.0.0.11' });
  t.match(renewed, { type: 5, yiaddr: '10.0.0.11', ciaddr: '10.0.0.11', to: '10.0.0.11' });
  t.match(ask(3, { ciaddr: '10.0.0.99' }), { type: 6, to: '255.255.255.255' });
});

t.test('an answer never goes to an address that is not the guest’s', async (t) => {
  t.match(ask(1, { ciaddr: '10.0.0.99' }), { ciaddr: '0.0.0.0', to: '255.255.255.255' });
  t.match(ask(3, { ciaddr: '127.0.0.1' }, [wants('10.0.0.11')]), { type: 5, to: '255.255.255.255' });
});

t.test('INFORM gets options without a lease', async (t) => {
  const reply = ask(8, { ciaddr: '10.0.0.11' }, [[55, [6, 51, 58, 59]]]);
  t.match(reply, { type: 5, yiaddr: '0.0.0.0', to: '10.0.0.11' });
  for (const code of [51, 58, 59]) t.notOk(reply.options?.has(code), `option ${code}`);
  t.same(reply.options?.get(6), octets('10.0.0.53'));
  t.same(ask(8, { ciaddr: '10.0.0.99' }), { silence: 'foreign-inform' });
});

t.test('who boots from the network is told where from, and nobody else', async (t) => {
  const pxe = { server: '192.0.2.66', file: 'undionly.kpxe' };
  const boots: [number, number[]] = [60, [...Buffer.from('PXEClient:Arch:00000:UNDI:002001')]];
  const told = (options: [number, number[]][]) => {
    const request = parseRequest(dhcpMessage({}, [[53, [1]], ...options]));
    if (typeof request === 'string') throw new Error(request);
    const answer = respond(request, { ...network, pxe }, guest);
    if (answer.kind === 'silence') throw new Error(answer.reason);
    const wire = encodeReply(answer.reply);
    const { siaddr, options: got } = readReply(wire);
    const text = (code: number) => Buffer.from(got.get(code) ?? []).toString();
    const file = wire.toString('latin1', 108, 236).replace(/\0.*$/s, '');
    return { siaddr, file, server: text(66), name: text(67) };
  };
  const there = { siaddr: pxe.server, file: pxe.file, server: pxe.server, name: pxe.file };
  t.same(told([boots]), there);
  t.same(told([boots, [55, [1, 3, 66, 67]]]), there);
  t.match(told([boots, [55, [1, 3]]]), { siaddr: pxe.server, file: pxe.file, name: '' }, 'in the old fields');
  t.same(told([[55, [1, 3, 66, 67]]]), { siaddr: '10.0.0.1', file: '', server: '', name: '' });
});

t.test('silence has a reason', async (t) => {
  t.same(ask(1, {}, [], null), { silence: 'unknown' });
  t.same(ask(3, {}, [wants('10.0.0.12')], null), { silence: 'unknown' }, 'no NAK to a stranger');
  t.same(ask(1, { giaddr: '10.0.0.200' }), { silence: 'relayed' });
  t.same(ask(3, {}), { silence: 'incomplete' });
  t.same(ask(4, {}, [OURS, wants('10.0.0.11')]), { silence: 'decline' });
  t.same(ask(7, { ciaddr: '10.0.0.11' }, [OURS]), { silence: 'release' });
  t.same(ask(13, {}), { silence: 'other-type' });
  const { ipv4: _none, ...withoutIpv4 } = nicOf();
  t.same(ask(1, {}, [], { facts: factsOf(), nic: withoutIpv4 }), { silence: 'no-address' });
});

t.test(
  'everything there is comes without a list, and only what was asked for, in its order, with one',
  async (t) => {
    const all = ask(1, {});
    t.same(all.codes, [53, 54, 51, 1, 3, 6, 12, 15, 26, 28, 42, 58, 59, 119, 121, 249]);
    const some = ask(1, {}, [
      [55, [121, 3, 26, 200, 66]],
      [61, [1, 2, 3]],
    ]);
    t.same(some.codes, [53, 54, 51, 61, 1, 121, 3, 26], 'the client’s id comes back (RFC 6842)');
  },
);

t.test('values are the guest’s', async (t) => {
  const { options } = ask(1, {});
  const textOf = (code: number) => Buffer.from(options?.get(code) ?? []).toString();
  const expected: [number, number[]][] = [
    [1, [255, 255, 255, 0]],
    [3, octets('10.0.0.1')],
    [6, octets('10.0.0.53')],
    [26, [1400 >> 8, 1400 & 255]],
    [28, octets('10.0.0.255')],
    [42, octets('10.0.0.123')],
    [51, [0, 0, 14, 16]],
    [54, octets('10.0.0.1')],
    [58, [0, 0, 7, 8]],
    [59, [0, 0, 12, 78]],
    [121, [32, 169, 254, 169, 254, 10, 0, 0, 1, 0, 10, 0, 0, 1]],
  ];
  for (const [code, value] of expected) t.same(options?.get(code), value, `option ${code}`);
  t.equal(textOf(12), 'demo');
  t.equal(textOf(15), 'example.org');
});

t.test(
  'a VNet without a way out has no default route, but the metadata service stays reachable',
  async (t) => {
    const nic = nicOf({ ipv4: { address: '10.0.0.11', prefixLength: 24 } });
    const { options } = ask(1, {}, [], { facts: factsOf(), nic });
    t.notOk(options?.has(3));
    t.same(options?.get(121), [32, 169, 254, 169, 254, 10, 0, 0, 1]);
  },
);

t.test('a relay agent that is known is answered through, with its own information last', async (t) => {
  const relay = '10.0.0.200';
  const through = (type: number, ...options: [number, number[]][]) =>
    ask(type, { giaddr: relay }, [[82, [1, 2, 7, 7]], [55, [82, 1, 3]], ...options], guest, [relay]);
  const offer = through(1);
  t.match(offer, { type: 2, yiaddr: '10.0.0.11', to: relay });
  t.same(offer.options?.get(82), [1, 2, 7, 7]);
  t.equal(offer.codes?.at(-1), 82);
  t.match(through(3, OURS, wants('10.0.0.11')), { type: 5, to: relay });
  t.match(through(3, wants('10.0.0.12')), { type: 6, to: relay });
  t.same(ask(1, { giaddr: '10.0.0.201' }, [], guest, [relay]), { silence: 'relayed' });
  t.notOk(ask(1, {}, [[82, [1, 2, 7, 7]]]).options?.has(82), 'nobody else has such information');
});
