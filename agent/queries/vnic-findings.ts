// Why a VNIC's guest has an address or has none, in plain words, from what was counted. Pure.
import type { NetworkCounters } from '../../metadata-server/mod.ts';
import type { Link, Reason, VNicCounters } from '../network/mod.ts';
import type { VNic } from '../resources/vnet.ts';
import type { VServer } from '../resources/vserver.ts';

/** What is known of a VNIC, from the inventory, the host and the services. */
export interface VNicFacts {
  vnic: VNic;
  vserver: Pick<VServer, 'state' | 'name'>;
  /** The VNet's bridge, and whether all parts of the VNet are there. */
  bridge: string;
  vnetComplete: boolean;
  tap?: Link | undefined;
  ruled: boolean;
  frames?: VNicCounters | undefined;
  /** What the VNet's services counted since they were opened; absent if it is not served. */
  services?: NetworkCounters | undefined;
}

export interface Finding {
  /** `problem` is a reason to have no address; `note` may be one. */
  level: 'good' | 'note' | 'problem';
  about: 'vserver' | 'vnet' | 'link' | 'rules' | 'frames' | 'dhcp4' | 'dhcp6';
  text: string;
}

const DROPS: Record<Reason, string> = {
  mac: 'had another source MAC than the VNIC’s',
  vlan: 'had a VLAN tag',
  type: 'were neither ARP, IPv4 nor IPv6',
  arp: 'were ARP for an address that is not the VNIC’s',
  ipv4: 'had an IPv4 source address that is not the VNIC’s',
  ipv6: 'had an IPv6 source address that is not the VNIC’s (link-local addresses must be EUI-64)',
  dhcp: 'were answers of a DHCP server',
  ra: 'were router advertisements or redirects',
  nd: 'were neighbour discovery for an address that is not the VNIC’s',
  malformed: 'could not be told what they are',
  security: 'were not allowed by its security list',
  destination: 'were for another MAC than the VNIC’s (and on their way to it)',
};

const finding = (level: Finding['level'], about: Finding['about'], text: string): Finding => ({
  level,
  about,
  text,
});

/** Everything worth saying, from the machine outwards: the first problem is the one to look at. */
export function vnicFindings(facts: VNicFacts): Finding[] {
  return [...hostFindings(facts), ...frameFindings(facts), ...dhcp4Findings(facts), ...dhcp6Findings(facts)];
}

function* hostFindings({
  vnic,
  vserver,
  bridge,
  vnetComplete,
  tap,
  ruled,
  services,
}: VNicFacts): Generator<Finding> {
  const { device } = vnic;
  const on = vserver.state === 'running' || vserver.state === 'stopping';
  if (!on) {
    yield finding(
      'problem',
      'vserver',
      `VServer ${vserver.name} is ${vserver.state}: a guest that is off asks for nothing.`,
    );
  }
  if (!vnetComplete) {
    yield finding(
      'problem',
      'vnet',
      `The VNet is not complete on this host (bridge ${bridge}); it is repaired within minutes.`,
    );
  }
  if (!services)
    yield finding(
      'problem',
      'vnet',
      'DHCP and the metadata service of the VNet do not run; see the agent’s log.',
    );
  if (on && !tap) yield finding('problem', 'link', `No link: there is no device ${device} on this host.`);
  if (tap && !tap.up) yield finding('problem', 'link', `No link: ${device} is down.`);
  if (tap && tap.master !== bridge) {
    yield finding(
      'problem',
      'link',
      `${device} is not a port of ${bridge} but of ${tap.master ?? 'nothing'}.`,
    );
  }
  if (!ruled) {
    yield finding(
      'problem',
      'rules',
      `The rules of ${device} are missing, so every frame from and to it is dropped; they are put back within minutes.`,
    );
  }
}

function* frameFindings({ frames, ruled, tap, vserver }: VNicFacts): Generator<Finding> {
  if (!frames || !ruled) return;
  if (frames.fromGuest === 0 && tap) {
    yield finding(
      'problem',
      'frames',
      `VServer ${vserver.name} has not sent a single frame: its system is not up yet, has no driver for the NIC, or leaves it down.`,
    );
  }
  for (const [reason, count] of Object.entries(frames.dropped) as [Reason, number][]) {
    if (count > 0)
      yield finding(
        'note',
        'frames',
        `${count} of ${framesOf(reason, frames)} frames were dropped: they ${DROPS[reason]}.`,
      );
  }
}

/** Among how many: its own, those for it, or both. */
function framesOf(reason: Reason, { fromGuest, toGuest }: VNicCounters): number {
  if (reason === 'security') return fromGuest + toGuest;
  return reason === 'destination' ? toGuest : fromGuest;
}

function* dhcp4Findings({ vnic, services }: VNicFacts): Generator<Finding> {
  if (!services || !vnic.ipv4) return;
  const client = services.dhcp4Clients.find(({ mac }) => mac === vnic.mac);
  if (!client) {
    yield finding(
      'problem',
      'dhcp4',
      'No DHCP request has been seen: the guest does not ask, or its requests are dropped.',
    );
    return;
  }
  const { counts, lastSeen } = client;
  const when = `last heard of at ${new Date(lastSeen).toISOString()}`;
  if (counts.ack > 0) {
    yield finding('good', 'dhcp4', `${vnic.ipv4} was acknowledged ${counts.ack} time(s), ${when}.`);
  } else if (counts.offer > 0) {
    yield finding(
      'problem',
      'dhcp4',
      `${vnic.ipv4} was offered ${counts.offer} time(s) and never taken: offers do not reach the guest, or it prefers another server; ${when}.`,
    );
  } else {
    yield finding('problem', 'dhcp4', `The guest has asked, and was never given ${vnic.ipv4}; ${when}.`);
  }
  yield* dhcpTroubles('dhcp4', counts);
  if (counts.nak > 0) {
    yield finding(
      counts.ack > 0 ? 'note' : 'problem',
      'dhcp4',
      `NAKed ${counts.nak} time(s): the guest asked for an address that is not ${vnic.ipv4}.`,
    );
  }
}

function* dhcp6Findings({ vnic, services }: VNicFacts): Generator<Finding> {
  if (!services || !vnic.ipv6) return;
  const client = services.dhcp6Clients.find(({ mac }) => mac === vnic.mac);
  if (!client) {
    yield finding(
      vnic.ipv4 ? 'note' : 'problem',
      'dhcp6',
      'No DHCPv6 message has been seen: the guest does not ask, or not from its EUI-64 link-local address.',
    );
    return;
  }
  const { counts, lastSeen } = client;
  const given = counts.reply > 0;
  const what = given ? `was given ${counts.reply} time(s)` : 'was never given';
  yield finding(
    given ? 'good' : 'problem',
    'dhcp6',
    `${vnic.ipv6} ${what}, last heard of at ${new Date(lastSeen).toISOString()}.`,
  );
  yield* dhcpTroubles('dhcp6', counts);
}

type Troubles = Record<'decline' | 'rateLimited' | 'sendFailed' | 'ignored', number>;

function* dhcpTroubles(about: 'dhcp4' | 'dhcp6', counts: Troubles): Generator<Finding> {
  if (counts.decline > 0) {
    yield finding(
      'problem',
      about,
      `Declined ${counts.decline} time(s): the guest found another machine using its address.`,
    );
  }
  if (counts.rateLimited > 0) {
    yield finding(
      'note',
      about,
      `${counts.rateLimited} message(s) were not answered: the guest asks too often.`,
    );
  }
  if (counts.sendFailed > 0) {
    yield finding('problem', about, `${counts.sendFailed} answer(s) could not be sent; see the agent’s log.`);
  }
  if (counts.ignored > 0) {
    yield finding('note', about, `${counts.ignored} message(s) were for another server, or incomplete.`);
  }
}

/** One sentence: the first problem, or that there is none. */
export function verdict(findings: readonly Finding[]): string {
  const problem = findings.find(({ level }) => level === 'problem');
  if (problem) return problem.text;
  const good = findings.filter(({ level }) => level === 'good').map(({ text }) => text);
  return good.length > 0 ? good.join(' ') : 'Nothing is wrong that can be seen from here.';
}
