// innkeeper vnet … and vnic …
import { ask, type CommandRow, list, named, newName, PARAM_OPTION, show, verb } from '../command-row.ts';
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
  show('vnet', 'getVNetAttributes'),
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
  show('vnic', 'getVNICAttributes'),
  ask('vnic', 'explain', 'explainVNIC', 'why the guest has an address, or has none'),
  verb('vnic', 'create', 'createVNIC', 'give a VServer another VNIC', {
    arguments: [...named('vserver'), ...named('vnet')],
    options: [
      { flags: '-4, --ipv4-address <address>', param: 'ipv4Address', help: 'chosen if absent' },
      { flags: '-6, --ipv6-address <address>', param: 'ipv6Address', help: 'chosen if absent' },
    ],
    example: 'innkeeper vnic create web lan --ipv4-address 10.0.0.7',
  }),
  verb('vnic', 'destroy', 'destroyVNIC', 'take a VNIC away'),
];
