// What a guest tries and what it may do: one named frame each, each with a marker that can be found in a capture.
import { linkLocal } from '../../agent/network/mod.ts';
import {
  arp,
  BROADCAST,
  ethernet,
  fragment,
  icmp6,
  ipv4,
  ipv6,
  neighbour,
  paddedOptions,
  udp,
} from './network-packets.ts';

/** Addresses of one guest, or of the gateway. */
export interface Party {
  mac: string;
  ipv4: string;
  ipv6: string;
}

export interface Attempt {
  name: string;
  /** Sixteen octets inside the frame that no other frame has. */
  marker: Buffer;
  frame: Buffer;
  /** False where a bridge without any rules may refuse it too, so that nothing is learnt from a control. */
  control: boolean;
}

type Make = (marker: Buffer) => Buffer;

const ALL_NODES = 'ff02::1';
const ALL_NODES_MAC = '33:33:00:00:00:01';
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const TCP = 6;
const UDP = 17;
const ICMP6 = 58;

function list(makes: Record<string, Make>, withoutControl: string[] = []): Attempt[] {
  return Object.entries(makes).map(([name, make], at) => {
    const marker = Buffer.from(`ik-attempt-${String(at).padStart(5, '0')}`);
    return { name, marker, frame: make(marker), control: !withoutControl.includes(name) };
  });
}

/** Frames around the guest's own addresses, so that each attempt shows only what is wrong with it. */
function builders(self: Party) {
  const local = linkLocal(self.mac);
  return {
    local,
    over4: (packet: Buffer): Buffer => ethernet(self.mac, BROADCAST, IPV4, packet),
    over6: (packet: Buffer): Buffer => ethernet(self.mac, ALL_NODES_MAC, IPV6, packet),
    arp: (operation: 1 | 2, sender: string, target: string, marker: Buffer): Buffer =>
      ethernet(
        self.mac,
        BROADCAST,
        0x0806,
        Buffer.concat([arp({ operation, senderMac: self.mac, sender, target }), marker]),
      ),
    datagram: (from: string, marker: Buffer): Buffer =>
      ipv4(from, '255.255.255.255', UDP, udp(4000, 4001, marker)),
    icmp: (type: number, body: Buffer, from = local): Buffer => icmp6(from, ALL_NODES, type, body),
  };
}

/** Router advertisement: hop limit, flags, lifetime, timers, and a marker where options would be. */
const advertisement = (marker: Buffer): Buffer => Buffer.concat([Buffer.alloc(12, 1), marker]);

function layer2Spoofs(self: Party, other: Party, gateway: Party): Record<string, Make> {
  const { over4, arp: arpFrame, datagram } = builders(self);
  const tagged =
    (tags: number[]): Make =>
    (m) =>
      ethernet(self.mac, BROADCAST, IPV4, datagram(self.ipv4, m), tags);
  return {
    'source MAC of another guest': (m) => ethernet(other.mac, BROADCAST, IPV4, datagram(self.ipv4, m)),
    'source MAC of the gateway': (m) => ethernet(gateway.mac, BROADCAST, IPV4, datagram(self.ipv4, m)),
    '802.1Q tag': tagged([0x81000005]),
    'priority tag': tagged([0x8100e000]),
    '802.1ad tag': tagged([0x88a80005]),
    'two tags': tagged([0x88a80005, 0x81000006]),
    'two 802.1Q tags': tagged([0x81000005, 0x81000006]),
    BPDU: (m) =>
      ethernet(
        self.mac,
        '01:80:c2:00:00:00',
        39,
        Buffer.concat([Buffer.from('424203', 'hex'), m, Buffer.alloc(20)]),
      ),
    'IPv4 to the bridges’ group address': (m) =>
      ethernet(self.mac, '01:80:c2:00:00:00', IPV4, datagram(self.ipv4, m)),
    'PPPoE discovery': (m) => ethernet(self.mac, BROADCAST, 0x8863, m),
    RARP: (m) => ethernet(self.mac, BROADCAST, 0x8035, Buffer.concat([Buffer.alloc(28), m])),
    'ARP reply for another guest': (m) => arpFrame(2, other.ipv4, self.ipv4, m),
    'ARP reply for the gateway': (m) => arpFrame(2, gateway.ipv4, self.ipv4, m),
    'ARP reply for the metadata service': (m) => arpFrame(2, '169.254.169.254', self.ipv4, m),
    'ARP request in another guest’s name': (m) => arpFrame(1, other.ipv4, gateway.ipv4, m),
    'ARP probe for another guest’s address': (m) => arpFrame(1, '0.0.0.0', other.ipv4, m),
    'ARP reply from no address': (m) => arpFrame(2, '0.0.0.0', self.ipv4, m),
    'ARP with a foreign sender MAC': (m) => {
      const body = arp({ operation: 2, senderMac: other.mac, sender: self.ipv4, target: gateway.ipv4 });
      return ethernet(self.mac, BROADCAST, 0x0806, Buffer.concat([body, m]));
    },
    'ARP of another hardware type': (m) => {
      const body = arp({
        operation: 1,
        senderMac: self.mac,
        sender: self.ipv4,
        target: gateway.ipv4,
        hardware: 6,
      });
      return ethernet(self.mac, BROADCAST, 0x0806, Buffer.concat([body, m]));
    },
    'IPv6 inside the Ethernet type of IPv4': (m) =>
      over4(ipv6(builders(self).local, ALL_NODES, UDP, udp(1, 2, m))),
  };
}

function ipv4Spoofs(self: Party, other: Party, gateway: Party): Record<string, Make> {
  const { over4, datagram } = builders(self);
  const offer = (m: Buffer): Buffer => udp(67, 68, m);
  const all = '255.255.255.255';
  return {
    'IPv4 source of another guest': (m) => over4(datagram(other.ipv4, m)),
    'IPv4 source of the gateway': (m) => over4(datagram(gateway.ipv4, m)),
    'IPv4 source of the metadata service': (m) => over4(datagram('169.254.169.254', m)),
    'IPv4 link-local source': (m) => over4(datagram('169.254.7.7', m)),
    'IPv4 from 0.0.0.0 that is not DHCP': (m) => over4(datagram('0.0.0.0', m)),
    'DHCP discover not to everyone': (m) => over4(ipv4('0.0.0.0', other.ipv4, UDP, udp(68, 67, m))),
    'DHCP server': (m) => over4(ipv4(self.ipv4, all, UDP, offer(m))),
    'DHCP server from 0.0.0.0': (m) => over4(ipv4('0.0.0.0', all, UDP, offer(m))),
    'DHCP server in the gateway’s name': (m) => over4(ipv4(gateway.ipv4, all, UDP, offer(m))),
    'DHCP server behind IP options': (m) =>
      over4(ipv4(self.ipv4, all, UDP, offer(m), { options: Buffer.from([1, 1, 1, 0]) })),
    'DHCP server in a first fragment': (m) =>
      over4(ipv4(self.ipv4, all, UDP, offer(m), { fragment: 0x2000 })),
    'later fragment in another guest’s name': (m) =>
      over4(ipv4(other.ipv4, all, UDP, m, { fragment: 0x0004 })),
    'UDP with half a header': (m) =>
      over4(Buffer.concat([ipv4(self.ipv4, all, UDP, Buffer.from([0, 67, 0, 68]), { fragment: 0x2000 }), m])),
    'DHCP server with a wrong IP length': (m) =>
      over4(ipv4(self.ipv4, all, UDP, offer(m), { totalLength: 900 })),
  };
}

function ipv6Spoofs(self: Party, other: Party, gateway: Party): Record<string, Make> {
  const { over6, icmp, local } = builders(self);
  const dest = 60;
  const from = (source: string, type: number, body: Buffer): Buffer =>
    over6(ipv6(source, ALL_NODES, ICMP6, icmp(type, body, source)));
  const ra = (m: Buffer): Buffer => icmp(134, advertisement(m));
  const behind = (first: number, ...parts: Buffer[]): Buffer =>
    over6(ipv6(local, ALL_NODES, first, Buffer.concat(parts)));
  const own = (m: Buffer): Buffer => udp(4000, 4001, m);
  return {
    'IPv6 source of another guest': (m) => over6(ipv6(other.ipv6, ALL_NODES, UDP, own(m))),
    'IPv6 source of the gateway': (m) => over6(ipv6(gateway.ipv6, ALL_NODES, UDP, own(m))),
    'link-local source of another guest': (m) => over6(ipv6(linkLocal(other.mac), ALL_NODES, UDP, own(m))),
    'IPv6 from no address': (m) => over6(ipv6('::', ALL_NODES, UDP, own(m))),
    'router advertisement': (m) => over6(ipv6(local, ALL_NODES, ICMP6, ra(m))),
    'router advertisement behind hop-by-hop options': (m) => behind(0, paddedOptions(ICMP6), ra(m)),
    'router advertisement behind destination options': (m) => behind(dest, paddedOptions(ICMP6), ra(m)),
    'router advertisement in an atomic fragment': (m) => behind(44, fragment(ICMP6, 0, false), ra(m)),
    'router advertisement in a first fragment': (m) => behind(44, fragment(ICMP6, 0, true), ra(m)),
    'first fragment that hides its protocol': (m) =>
      behind(44, fragment(dest, 0, true), Buffer.concat([Buffer.from([dest, 2, 1, 20]), m, Buffer.alloc(4)])),
    redirect: (m) => from(local, 137, Buffer.concat([Buffer.alloc(36, 1), m])),
    'neighbour advertisement for another guest': (m) => from(local, 136, neighbour(other.ipv6, m)),
    'neighbour advertisement for the gateway': (m) => from(self.ipv6, 136, neighbour(gateway.ipv6, m)),
    'neighbour advertisement in a fragment': (m) =>
      behind(44, fragment(ICMP6, 0, false), icmp(136, neighbour(self.ipv6, m))),
    'duplicate detection for another guest': (m) => from('::', 135, neighbour(other.ipv6, m)),
    'DHCPv6 server': (m) => over6(ipv6(local, ALL_NODES, UDP, udp(547, 546, m))),
    'DHCPv6 server in an atomic fragment': (m) => behind(44, fragment(UDP, 0, false), udp(547, 546, m)),
    'later fragment in another guest’s IPv6 name': (m) =>
      over6(ipv6(other.ipv6, ALL_NODES, 44, Buffer.concat([fragment(UDP, 4, false), m]))),
  };
}

/** A request (TCP SYN) to the metadata service, which would be answered with what is another VServer's. */
function metadataSpoofs(self: Party, other: Party, gateway: Party): Record<string, Make> {
  const syn = (marker: Buffer) =>
    Buffer.concat([Buffer.from('9c40005000000001000000005002ffff00000000', 'hex'), marker]);
  const to = (type: number, packet: Buffer) => ethernet(self.mac, gateway.mac, type, packet);
  return {
    'metadata request in another guest’s name': (m) =>
      to(IPV4, ipv4(other.ipv4, '169.254.169.254', TCP, syn(m))),
    'metadata request in another guest’s IPv6 name': (m) =>
      to(IPV6, ipv6(other.ipv6, 'fd00:ec2::254', TCP, syn(m))),
    'metadata request with another guest’s MAC': (m) =>
      ethernet(other.mac, gateway.mac, IPV4, ipv4(self.ipv4, '169.254.169.254', TCP, syn(m))),
  };
}

/**
 * Frames with lawful addresses of their own, to where there is no way: none of them may be seen in another VNet or at
 * the host itself.
 */
export function crossings(self: Party, foreign: Party, hostMac: string): Attempt[] {
  const datagram = (to: string, m: Buffer) => ipv4(self.ipv4, to, UDP, udp(4000, 4001, m));
  return list({
    'to a guest of another VNet': (m) => ethernet(self.mac, foreign.mac, IPV4, datagram(foreign.ipv4, m)),
    'to a guest of another VNet over IPv6': (m) =>
      ethernet(self.mac, foreign.mac, IPV6, ipv6(self.ipv6, foreign.ipv6, UDP, udp(4000, 4001, m))),
    'to everyone': (m) => ethernet(self.mac, BROADCAST, IPV4, datagram('255.255.255.255', m)),
    'to the host by its bridge': (m) => ethernet(self.mac, hostMac, IPV4, datagram('127.0.0.1', m)),
    'to the host’s API port': (m) =>
      ethernet(self.mac, hostMac, IPV4, ipv4(self.ipv4, '10.0.0.1', UDP, udp(4000, 16509, m))),
  });
}

/** Everything a guest must not get through. */
export function spoofs(self: Party, other: Party, gateway: Party): Attempt[] {
  const makes = {
    ...layer2Spoofs(self, other, gateway),
    ...ipv4Spoofs(self, other, gateway),
    ...ipv6Spoofs(self, other, gateway),
    ...metadataSpoofs(self, other, gateway),
  };
  return list(makes, [
    'IPv6 inside the Ethernet type of IPv4',
    'UDP with half a header',
    'DHCP server with a wrong IP length',
    // To the gateway alone, so that a neighbour sees them in no case.
    ...Object.keys(metadataSpoofs(self, other, gateway)),
  ]);
}

/** Everything a guest must be able to do. */
export function lawful(self: Party, gateway: Party): Attempt[] {
  const { over4, over6, arp: arpFrame, datagram, icmp, local } = builders(self);
  const from = (source: string, type: number, body: Buffer): Buffer =>
    over6(ipv6(source, ALL_NODES, ICMP6, icmp(type, body, source)));
  const all = '255.255.255.255';
  return list({
    'ARP request': (m) => arpFrame(1, self.ipv4, gateway.ipv4, m),
    'ARP announcement': (m) => arpFrame(1, self.ipv4, self.ipv4, m),
    'ARP reply': (m) => arpFrame(2, self.ipv4, gateway.ipv4, m),
    'ARP probe for its own address': (m) => arpFrame(1, '0.0.0.0', self.ipv4, m),
    'DHCP discover': (m) => over4(ipv4('0.0.0.0', all, UDP, udp(68, 67, m))),
    'DHCP renewal': (m) => over4(ipv4(self.ipv4, gateway.ipv4, UDP, udp(68, 67, m))),
    UDP: (m) => over4(datagram(self.ipv4, m)),
    'first fragment of UDP': (m) =>
      over4(ipv4(self.ipv4, all, UDP, udp(4000, 4001, m), { fragment: 0x2000 })),
    'later fragment of UDP': (m) => over4(ipv4(self.ipv4, all, UDP, m, { fragment: 0x0004 })),
    'another IP protocol': (m) => over4(ipv4(self.ipv4, all, 132, m)),
    'UDP over IPv6': (m) => over6(ipv6(self.ipv6, ALL_NODES, UDP, udp(4000, 4001, m))),
    'later fragment of IPv6': (m) =>
      over6(ipv6(self.ipv6, ALL_NODES, 44, Buffer.concat([fragment(UDP, 4, false), m]))),
    'DHCPv6 solicit': (m) => over6(ipv6(local, ALL_NODES, UDP, udp(546, 547, m))),
    'router solicitation': (m) => from('::', 133, Buffer.concat([Buffer.alloc(4), m])),
    'neighbour solicitation': (m) => from(local, 135, neighbour(gateway.ipv6, m)),
    'neighbour advertisement': (m) => from(self.ipv6, 136, neighbour(self.ipv6, m)),
    'duplicate detection for its own address': (m) => from('::', 135, neighbour(self.ipv6, m)),
    'duplicate detection for its link-local address': (m) => from('::', 135, neighbour(local, m)),
    'listener report behind hop-by-hop options': (m) =>
      over6(
        ipv6(
          local,
          ALL_NODES,
          0,
          Buffer.concat([paddedOptions(ICMP6), icmp(143, Buffer.concat([Buffer.alloc(4), m]))]),
        ),
      ),
    'echo over IPv6': (m) => from(self.ipv6, 128, Buffer.concat([Buffer.alloc(4), m])),
  });
}
