// Malformed and random packets from a seeded generator: nothing breaks, nothing grows, and valid clients are served.
// `npm run test:malformed` sends a million of each protocol; DHCP_PACKETS and DHCP_SEED choose otherwise.
import type dgram from 'node:dgram';
import { EventEmitter } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t, { type Test } from 'tap';
import { Dhcp4Service } from '../../metadata-server/dhcp4/service.ts';
import { Dhcp6Service } from '../../metadata-server/dhcp6/service.ts';
import { DEFAULT_LIMITS } from '../../metadata-server/mod.ts';
import { dhcpMessage, octets } from '../helpers/dhcp-packets.ts';
import { directoryOf, factsOf, nicOf, silentLog } from '../helpers/guest-facts.ts';

const PACKETS = Number(process.env.DHCP_PACKETS ?? 40_000);
const SEED = Number(process.env.DHCP_SEED ?? 20_260_101);
/** A valid client asks after so many. */
const BETWEEN = 500;
const SLACK_BYTES = 16 * 2 ** 20;

const nic = nicOf({ vnetId: 'vnet-a', ipv6: { address: '2001:db8::11', prefixLength: 64 } });
const network = {
  vnetId: 'vnet-a',
  namespace: 'none',
  device: 'vnet0',
  ipv4: { address: '10.0.0.1', prefixLength: 24 },
  ipv6: { address: '2001:db8::1', prefixLength: 64 },
  mtu: 1400,
  leaseSeconds: 3600,
};
// What rate limits are for is tested elsewhere.
const limits = { ...DEFAULT_LIMITS, dhcpBurst: 1e9, dhcpPerSecond: 1e9, dhcpClients: 512 };
const SELF = 'fe80::5054:5eff:fe00:1%vnet0';

const zeros = (count: number) => '00'.repeat(count);
const captured = (hex: string) => Buffer.from(hex.replace(/\s/g, ''), 'hex');
/** From the wire: a DISCOVER of busybox udhcpc 1.35, a REQUEST of ISC dhclient 4.4. */
const CAPTURED = [
  captured(`0101 0600 86f0 065d ${zeros(20)} 5254 5e00 0001 ${zeros(202)} 6382 5363 3501 0139 0202
    4037 0701 0306 0c0f 1c2a 3c0c 7564 6863 7020 312e 3335 2e30 3d07 0152 545e 0000 01ff ${zeros(18)}`),
  captured(`0101 0600 8992 827e ${zeros(20)} 5254 5e00 0001 ${zeros(202)} 6382 5363 3501 0336 040a
    0000 0132 040a 0000 0b0c 0276 6d37 0d01 1c02 030f 0677 0c2c 2f1a 792a ff00 ${zeros(22)}`),
];

/** Mulberry32: small, and the same everywhere. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Random octets, or a valid message cut, lengthened, with octets changed, removed or repeated. */
function damaged(random: (below: number) => number, valid: readonly Buffer[]): Buffer {
  if (random(5) === 0) return Buffer.from(Array.from({ length: random(700) }, () => random(256)));
  let packet = Buffer.from(valid[random(valid.length)]!);
  for (let changes = 1 + random(6); changes > 0; changes--) {
    const at = random(packet.length + 1);
    const length = random(24);
    const kind = random(5);
    if (kind === 0) packet = packet.subarray(0, at);
    else if (kind === 1) packet = Buffer.concat([packet.subarray(0, at), packet.subarray(at + length)]);
    else if (kind === 2) packet = Buffer.concat([packet, packet.subarray(at, at + length)]);
    else if (at < packet.length) packet[at] = kind === 3 ? random(256) : [0, 1, 255, 254][random(4)]!;
  }
  return packet;
}

const collect = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

function heap(): number {
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

interface Service {
  serve(socket: dgram.Socket): void;
  readonly clients: unknown[];
}

function bombard(test: Test, service: Service, valid: readonly Buffer[], source: string): number {
  let answers = 0;
  const socket = Object.assign(new EventEmitter(), {
    send: (_data: Buffer, _port: number, _address: string, done: (error: Error | null) => void) => {
      answers++;
      done(null);
    },
    close() {},
  });
  service.serve(socket as unknown as dgram.Socket);
  const random = generator(SEED);
  let served = 0;
  let asked = 0;
  let before = 0;
  for (let i = 0; i < PACKETS; i++) {
    socket.emit('message', damaged(random, valid), { address: source });
    if (i % BETWEEN === 0) {
      const until = answers;
      socket.emit('message', valid[0], { address: source });
      asked++;
      if (answers === until + 1) served++;
    }
    if (i === PACKETS >> 1) before = heap();
  }
  const growth = heap() - before;
  test.equal(served, asked, `all ${asked} valid clients were answered in between`);
  test.ok(service.clients.length <= limits.dhcpClients, 'what is remembered of clients is bounded');
  test.ok(
    growth < SLACK_BYTES,
    `the second half took no memory (${Math.round(growth / 1024)} kB of ${Math.round(before / 1024)} kB)`,
  );
  return answers;
}

function logTo(problems: string[]) {
  return {
    ...silentLog,
    error: (details: object, message: string) => problems.push(`${message} ${JSON.stringify(details)}`),
  };
}

t.test(`${PACKETS} malformed DHCPv4 messages`, (t) => {
  const problems: string[] = [];
  const service = new Dhcp4Service(network, directoryOf(factsOf({ nics: [nic] })), logTo(problems), limits);
  const list: [number, number[]] = [55, [1, 3, 6, 12, 15, 26, 28, 42, 51, 54, 58, 59, 119, 121, 249]];
  const id: [number, number[]] = [61, [255, 0x5e, 0, 0, 1, 0, 2, 0, 0, 0xab, 0x11, 1, 2, 3, 4, 5, 6, 7, 8]];
  const valid = [
    ...CAPTURED,
    dhcpMessage({}, [[53, [1]], list, id, [57, [2, 64]]]),
    dhcpMessage({ flags: 0x8000 }, [[53, [3]], [54, octets('10.0.0.1')], [50, octets('10.0.0.11')], list]),
    dhcpMessage({ ciaddr: '10.0.0.11' }, [[53, [3]], list, [12, [...Buffer.from('guest')]]]),
    dhcpMessage({}, [[53, [3]], [50, octets('192.168.1.5')], list]),
    dhcpMessage({ ciaddr: '10.0.0.11' }, [[53, [8]], list]),
    dhcpMessage({}, [
      [53, [1]],
      [80, []],
      [93, [0, 0]],
      [94, [1, 2, 1]],
      [60, [...Buffer.from('PXEClient:Arch:00000')]],
      list,
    ]),
    dhcpMessage({ giaddr: '10.0.0.9' }, [
      [53, [1]],
      [82, [1, 4, 1, 2, 3, 4]],
    ]),
  ];
  const answers = bombard(t, service, valid, '0.0.0.0');
  t.same(problems, [], 'no answer failed');
  t.comment(`answers ${answers}, counts ${JSON.stringify(service.counts)}`);
  t.end();
});

t.test(`${PACKETS} malformed DHCPv6 messages`, (t) => {
  const problems: string[] = [];
  const service = new Dhcp6Service(network, directoryOf(factsOf({ nics: [nic] })), logTo(problems), limits);
  const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
  const duid = '0001 000a 0003 0001 52545e000001';
  const iaNa = '0003 000c 5e000001 00000000 00000000';
  const valid = [
    hex(`01 abcdef ${duid} 0006 0004 0017 0018 0008 0002 0000 ${iaNa}`),
    hex(`01 abcdf0 ${duid} 000e 0000 ${iaNa} 0019 000c 00000001 00000000 00000000`),
    hex(
      `04 abcdf1 ${duid} 0003 0028 5e000001 00000000 00000000 0005 0018 20010db8000000000000000000000011 00000000 00000000`,
    ),
    hex(
      `06 abcdf2 ${duid} 0003 0028 5e000001 00000000 00000000 0005 0018 20010db8000000000000000000000099 00000000 00000000`,
    ),
    hex('0b abcdf3 0006 0006 0017 0018 0038'),
  ];
  const answers = bombard(t, service, valid, SELF);
  t.same(problems, [], 'no answer failed');
  t.comment(`answers ${answers}, counts ${JSON.stringify(service.counts)}`);
  t.end();
});
