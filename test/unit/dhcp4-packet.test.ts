// The DHCPv4 codec: what it reads, what it refuses, and how it makes room.
import t from 'tap';
import { encodeOption } from '../../metadata-server/dhcp4/options.ts';
import {
  type DhcpReply,
  type DhcpRequest,
  encodeReply,
  parseRequest,
} from '../../metadata-server/dhcp4/packet.ts';
import { dhcpMessage, readReply } from '../helpers/dhcp-packets.ts';

// A DISCOVER of busybox udhcpc 1.35 and a REQUEST of ISC dhclient 4.4, captured from the wire.
const UDHCPC_DISCOVER = `
 0101 0600 86f0 065d ${'0000 '.repeat(10)} 5254 5e00 0001 ${'0000 '.repeat(101)} 6382 5363 3501 0139 0202
 4037 0701 0306 0c0f 1c2a 3c0c 7564 6863 7020 312e 3335 2e30 3d07 0152 545e 0000 01ff ${'0000 '.repeat(9)}`;
const DHCLIENT_REQUEST = `
 0101 0600 8992 827e ${'0000 '.repeat(10)} 5254 5e00 0001 ${'0000 '.repeat(101)} 6382 5363 3501 0336 040a
 0000 0132 040a 0000 0b0c 0276 6d37 0d01 1c02 030f 0677 0c2c 2f1a 792a ff00 ${'0000 '.repeat(11)}`;

const fromHex = (hex: string) => Buffer.from(hex.replace(/\s/g, ''), 'hex');

function parsed(data: Buffer): DhcpRequest {
  const request = parseRequest(data);
  if (typeof request === 'string') throw new Error(request);
  return request;
}

t.test('captured messages are read', async (t) => {
  const discover = parsed(fromHex(UDHCPC_DISCOVER));
  t.match(discover, { messageType: 1, xid: 0x86f0065d, ciaddr: '0.0.0.0', mac: '52:54:5e:00:00:01' });
  t.same([...(discover.options.get(55) ?? [])], [1, 3, 6, 12, 15, 28, 42]);
  t.equal(discover.options.get(60)?.toString(), 'udhcp 1.35.0');
  const request = parsed(fromHex(DHCLIENT_REQUEST));
  t.match(request, { messageType: 3, xid: 0x8992827e });
  t.same([...(request.options.get(50) ?? [])], [10, 0, 0, 11]);
  t.equal(request.options.get(12)?.toString(), 'vm');
});

t.test('what is not a client message over Ethernet has a reason', async (t) => {
  const good = dhcpMessage({}, [[53, [1]]]);
  const changed = (at: number, value: number) => {
    const copy = Buffer.from(good);
    copy[at] = value;
    return copy;
  };
  t.type(parseRequest(good), 'object');
  t.equal(parseRequest(good.subarray(0, 239)), 'short');
  t.equal(parseRequest(Buffer.concat([good, Buffer.alloc(9_000)])), 'long');
  t.equal(parseRequest(changed(0, 2)), 'not-a-request');
  t.equal(parseRequest(changed(1, 6)), 'not-ethernet');
  t.equal(parseRequest(changed(2, 16)), 'not-ethernet');
  t.equal(parseRequest(changed(236, 0)), 'bootp');
  t.equal(parseRequest(dhcpMessage({}, [[12, [65]]])), 'bootp', 'no message type');
  t.equal(parseRequest(dhcpMessage({}, [[53, [1, 1]]])), 'bootp', 'a message type of the wrong length');
  t.equal(parseRequest(Buffer.concat([good.subarray(0, 240), Buffer.from([53, 200, 1])])), 'options');
  t.equal(parseRequest(Buffer.concat([good.subarray(0, 240), Buffer.from([53])])), 'options');
});

t.test('options that are repeated are joined, and overloaded fields are read', async (t) => {
  const data = dhcpMessage({}, [
    [53, [3]],
    [12, [97, 98]],
    [52, [3]],
    [12, [99]],
  ]);
  data.set([60, 2, 120, 121, 255], 108);
  data.set([12, 1, 100, 255], 44);
  const request = parsed(data);
  t.equal(request.options.get(12)?.toString(), 'abcd');
  t.equal(request.options.get(60)?.toString(), 'xy');
});

t.test('a hundred thousand damaged messages never throw', async (t) => {
  const base = dhcpMessage({}, [
    [53, [3]],
    [52, [3]],
    [55, [1, 3, 6]],
    [61, [1, 2, 3, 4, 5, 6, 7]],
  ]);
  let seed = 20_260_101;
  const next = (bound: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed % bound;
  };
  const outcomes = new Map<string, number>();
  for (let i = 0; i < 100_000; i++) {
    const data = Buffer.from(base.subarray(0, i % 8 === 0 ? next(base.length + 1) : base.length));
    for (let change = next(6); change >= 0 && data.length > 0; change--) {
      data[next(4) === 0 ? next(data.length) : Math.min(data.length - 1, 236 + next(30))] = next(256);
    }
    const result = parseRequest(data);
    const outcome = typeof result === 'string' ? result : 'read';
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  for (const outcome of ['read', 'short', 'bootp', 'options'])
    t.ok((outcomes.get(outcome) ?? 0) > 100, outcome);
});

t.test('options are written as their RFCs show them', async (t) => {
  const routes = [
    { destination: '10.229.0.128', prefixLength: 25, router: '10.0.0.1' },
    { destination: '10.17.0.0', prefixLength: 16, router: '10.0.0.1' },
    { destination: '0.0.0.0', prefixLength: 0, router: '10.0.0.1' },
    { destination: '169.254.169.254', prefixLength: 32, router: '10.0.0.1' },
  ];
  // RFC 3442, the table on page 4.
  t.same(
    encodeOption('classlessRoutes', { classlessRoutes: routes })?.toString('hex'),
    '190ae500800a000001' + '100a110a000001' + '000a000001' + '20a9fea9fe0a000001',
  );
  // RFC 3397 section 2: the second name points into the first.
  t.same(
    encodeOption('domainSearch', { domainSearch: ['eng.apple.com', 'marketing.apple.com.'] })?.toString(
      'latin1',
    ),
    '\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04',
  );
  t.equal(encodeOption('domainSearch', { domainSearch: ['', 'a..b', 'x'.repeat(64)] }), undefined);
  t.equal(encodeOption('mtu', { mtu: 1400 })?.toString('hex'), '0578');
  t.equal(encodeOption('dnsServers', { dnsServers: [] }), undefined);
  t.throws(() => encodeOption('routers', { routers: ['10.0.0.256'] }), RangeError);
});

const request = parsed(dhcpMessage({ xid: 7 }, [[53, [1]]]));
const plain: DhcpReply = {
  request,
  ciaddr: '0.0.0.0',
  yiaddr: '10.0.0.11',
  siaddr: '10.0.0.1',
  order: ['messageType', 'domainName', 'hostName', 'message', 'clientId'],
  values: { messageType: 2, hostName: 'demo' },
};

t.test('a reply has the addresses, the cookie and at least 300 octets', async (t) => {
  const reply = encodeReply(plain);
  t.equal(reply.length, 300);
  t.match(readReply(reply), {
    xid: 7,
    yiaddr: '10.0.0.11',
    siaddr: '10.0.0.1',
    mac: '52545e000001',
    codes: [53, 12],
  });
});

t.test('a long option is split and a reply too long for the client uses file and sname', async (t) => {
  const values = {
    messageType: 2,
    domainName: 'd'.repeat(270),
    hostName: 'h'.repeat(100),
    message: 'm'.repeat(60),
    clientId: Buffer.alloc(200, 1),
  };
  const small = encodeReply({ ...plain, values });
  t.ok(small.length <= 548, 'fits the 576 octets every client takes');
  const read = readReply(small);
  t.equal(Buffer.from(read.options.get(15) ?? []).toString(), values.domainName);
  t.equal(Buffer.from(read.options.get(12) ?? []).toString(), values.hostName, 'in the file field');
  t.equal(Buffer.from(read.options.get(56) ?? []).toString(), values.message, 'in the sname field');
  t.notOk(read.options.has(61), 'what fits nowhere is left out');
  const roomy = parsed(
    dhcpMessage({}, [
      [53, [1]],
      [57, [0x05, 0xdc]],
    ]),
  );
  const large = readReply(encodeReply({ ...plain, request: roomy, values }));
  t.notOk(large.options.has(52));
  t.equal(large.options.get(61)?.length, 200);
});
