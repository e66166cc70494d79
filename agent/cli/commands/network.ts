// innkeeper vnet …, vnic … and publicip …
import {
  ask,
  type CommandRow,
  list,
  named,
  newName,
  type OptionRow,
  PARAM_OPTION,
  show,
  verb,
} from '../command-row.ts';
import { repeated, securityRule } from '../options.ts';
import { type Column, column } from '../table.ts';

/** A subnet in CIDR notation (RFC 4632). */
function subnet(name: string): Column {
  return {
    heading: name.toUpperCase(),
    value(row) {
      const value = row[name] as { network?: unknown; prefixLength?: unknown } | undefined;
      return value?.network === undefined ? value : `${value.network}/${value.prefixLength}`;
    },
  };
}

interface Explained {
  vnicId: string;
  vserverId: string;
  ipv4Address?: string;
  ipv6Address?: string;
  verdict: string;
  findings: { level: string; text: string }[];
}

/** Whether a VNet can still be used, and in a sentence for each VNIC whether its guest has its addresses. */
function vnetVerdicts(guests: Explained[], { freeAddresses }: Record<string, unknown>) {
  const full = 'All addresses are taken: a further VNIC is refused until one is destroyed.';
  return {
    verdict: freeAddresses === 0 ? full : 'Addresses can be had.',
    guests: guests.map(({ findings: _, ...guest }) => guest),
  };
}

/** Of one VNIC: the sentence that matters, and all the others, the troubles marked. */
function vnicVerdict({ verdict, findings }: Explained) {
  return {
    verdict,
    findings: findings.map(({ level, text }) => ({ [level]: text })),
  };
}

/** The rules of a security list, one option each. */
const ALLOW: OptionRow = {
  flags: '--allow <rule>',
  param: 'securityList',
  help: 'only this passes: in|out tcp|udp|icmp|any [PORT[-PORT]] [ADDRESS[/LENGTH]]; repeat for more',
  parse: repeated,
  make: (given: string[]) => given.map(securityRule),
};

export const NETWORK_COMMANDS: CommandRow[] = [
  list('vnet', 'listVNet', 'all VNets', [
    column('vnetId', 'id'),
    column('name'),
    subnet('ipv4'),
    subnet('ipv6'),
    column('freeAddresses', 'free'),
    column('bridge'),
    column('namespace'),
  ]),
  show('vnet', 'getVNetAttributes', { also: { method: 'explainVNet', members: vnetVerdicts } }),
  ask('vnet', 'explain', 'explainVNet', 'why its guests have addresses, or have none', {
    columns: [
      column('vnicId', 'vnic'),
      column('vserverId', 'vserver'),
      column('ipv4Address', 'ipv4'),
      column('ipv6Address', 'ipv6'),
      column('verdict'),
    ],
  }),
  verb('vnet', 'create', 'createVNet', 'make a VNet', {
    arguments: [newName],
    options: [
      { flags: '-4, --ipv4-subnet <cidr>', param: 'ipv4Subnet', help: 'IPv4 subnet; chosen if absent' },
      { flags: '-6, --ipv6-subnet <cidr>', param: 'ipv6Subnet', help: 'IPv6 subnet, or: allocate' },
      { flags: '--outbound', param: 'outbound', help: 'let guests reach the outside (IPv4)' },
      PARAM_OPTION,
    ],
    example: 'innkeeper vnet create lan --ipv4-subnet 10.0.0.0/24',
  }),
  verb('vnet', 'update', 'updateVNet', 'replace the hosts that a VNet on VXLAN reaches', {
    options: [
      { flags: '--peer <address>', param: 'peers', help: 'another host; repeat for more', parse: repeated },
      PARAM_OPTION,
    ],
    example: 'innkeeper vnet update lan --peer 192.0.2.2 --peer 192.0.2.3',
  }),
  verb('vnet', 'destroy', 'destroyVNet', 'destroy a VNet that has no VNIC any more'),
  list('vnic', 'listVNIC', 'all VNICs', [
    column('vnicId', 'id'),
    column('vserverId', 'vserver'),
    column('position'),
    column('vnetId', 'vnet'),
    column('mac'),
    column('ipv4Address', 'ipv4'),
    column('ipv6Address', 'ipv6'),
    column('device'),
  ]),
  show('vnic', 'getVNICAttributes', { also: { method: 'explainVNIC', members: vnicVerdict } }),
  ask('vnic', 'explain', 'explainVNIC', 'why the guest has an address, or has none'),
  verb('vnic', 'create', 'createVNIC', 'give a VServer another VNIC', {
    arguments: [...named('vserver'), ...named('vnet')],
    options: [
      { flags: '-4, --ipv4-address <address>', param: 'ipv4Address', help: 'chosen if absent' },
      { flags: '-6, --ipv6-address <address>', param: 'ipv6Address', help: 'chosen if absent' },
      ALLOW,
    ],
    example: 'innkeeper vnic create web lan --ipv4-address 10.0.0.7',
  }),
  verb('vnic', 'update', 'updateVNIC', 'replace the security list of a VNIC', {
    options: [
      ALLOW,
      { flags: '--open', param: 'securityList', help: 'no list: everything passes', make: () => null },
      PARAM_OPTION,
    ],
    example: "innkeeper vnic update vnic-1a2b3c4d --allow 'in tcp 22 10.0.0.0/8' --allow 'out any'",
  }),
  verb('vnic', 'destroy', 'destroyVNIC', 'take a VNIC away'),
  list('publicip', 'listPublicIP', 'all public addresses that are allocated', [
    column('publicIpId', 'id'),
    column('address'),
    column('state'),
    column('vnicId', 'vnic'),
    column('vserverId', 'vserver'),
    column('ownAddress', 'own address'),
  ]),
  show('publicip', 'getPublicIPAttributes'),
  ask('publicip', 'status', 'getPublicIPStatus', 'whether it is attached, and to what'),
  verb('publicip', 'allocate', 'allocatePublicIP', 'set a public address aside', {
    alias: 'create',
    arguments: [],
    options: [
      { flags: '--address <address>', param: 'address', help: 'this one; chosen if absent' },
      { flags: '--protocol <protocol>', param: 'protocol', help: 'ipv4 (which it is if absent) or ipv6' },
    ],
    example: 'innkeeper publicip allocate --address 203.0.113.17',
  }),
  verb('publicip', 'attach', 'attachPublicIP', 'lead a public address to a VNIC', {
    arguments: [...named('publicip'), ...named('vnic')],
    example: 'innkeeper publicip attach 203.0.113.17 vnic-5e6f7a8b',
  }),
  verb('publicip', 'detach', 'detachPublicIP', 'take a public address from its VNIC'),
  verb('publicip', 'free', 'freePublicIP', 'give a public address back', { alias: 'destroy' }),
];
