// The commands that call one method each, as a table: what they are called, what they take, what they show.
import { content, pairs, parameters, repeated, sshKeys, vnic, words } from './options.ts';
import { type Column, column } from './table.ts';

type Given = Record<string, unknown>;

/** One option and the parameter it becomes. */
export interface OptionRow {
  /** As commander wants it: `--type <type>`. */
  flags: string;
  help: string;
  /** Parameter of the method. */
  param: string;
  required?: boolean;
  /** Collects or converts what was typed. */
  parse?: (value: string, before?: string[]) => unknown;
  /** Makes the parameter from what was parsed; identity if absent. */
  make?: (parsed: never) => unknown;
}

/** One command that calls one method. */
export interface CommandRow {
  noun: string;
  verb: string;
  alias?: string;
  help: string;
  method: string;
  /** Operations are waited for with a progress bar and take a request id. */
  operation?: boolean;
  /** Positional arguments: name shown, and parameter. */
  arguments?: { name: string; param: string; help: string }[];
  options?: OptionRow[];
  /** Lists are tables of these columns. */
  columns?: Column[];
  example?: string;
}

const addresses: Column = {
  heading: 'ADDRESSES',
  value: (row) => (Array.isArray(row.vnics) ? row.vnics.flatMap(addressesOf) : undefined),
};

function addressesOf(nic: Given | string): unknown[] {
  return typeof nic === 'string' ? [] : [nic.ipv4Address, nic.ipv6Address].filter(Boolean);
}

const named = (noun: string) => [{ name: noun, param: `${ID[noun]}`, help: `name or id of the ${noun}` }];
const ID: Given = { vserver: 'vserverId', vnet: 'vnetId', image: 'imageId', operation: 'operationId' };
const newName = { name: 'name', param: 'name', help: 'name to be known by' };

const verb = (
  noun: string,
  word: string,
  method: string,
  help: string,
  more: Partial<CommandRow> = {},
): CommandRow => ({
  noun,
  verb: word,
  method,
  help,
  operation: true,
  arguments: named(noun),
  ...more,
});
const list = (noun: string, method: string, help: string, columns: Column[], word = 'list'): CommandRow => ({
  noun,
  verb: word,
  method,
  help,
  columns,
});
const show = (noun: string, method: string): CommandRow => ({
  noun,
  verb: 'show',
  method,
  help: `everything known about one ${noun}`,
  arguments: named(noun),
});

const createVServerOptions: OptionRow[] = [
  {
    flags: '-t, --type <type>',
    param: 'type',
    help: 'VServerType, see `innkeeper type list`',
    required: true,
  },
  {
    flags: '-i, --image <image>',
    param: 'imageId',
    help: 'disk image to start from (name or id)',
    required: true,
  },
  {
    flags: '-n, --vnet <vnet[=address]>',
    param: 'vnics',
    help: 'a VNIC on this VNet, with this IPv4 address if given; repeat for more',
    parse: repeated,
    make: (given: string[]) => given.map(vnic),
  },
  {
    flags: '-u, --user-data <file>',
    param: 'userData',
    help: 'user data, byte for byte; - for standard input',
    make: async (file: string) => (await content(file)).toString('base64'),
  },
  { flags: '--hostname <name>', param: 'hostname', help: 'host name; made from the name if absent' },
  {
    flags: '-k, --ssh-key <key-or-file>',
    param: 'sshKeys',
    help: 'public key allowed to log in; repeat for more',
    parse: repeated,
    make: (given: string[]) => sshKeys(given),
  },
  { flags: '--context <kinds>', param: 'context', help: 'context media, separated by commas', parse: words },
  {
    flags: '--var <name=value>',
    param: 'variables',
    help: 'custom context variable; repeat for more',
    parse: repeated,
    make: (given: string[]) => pairs(given),
  },
  { flags: '--no-boot', param: 'boot', help: 'leave it inactive' },
];

/** Option of every command that makes something: reaches what has no option of its own. */
export const PARAM_OPTION: OptionRow = {
  flags: '-p, --param <name=json>',
  param: '',
  help: 'any other parameter of the method; repeat for more',
  parse: repeated,
  make: (given: string[]) => parameters(given),
};

/** Every command that is one method. */
export const COMMANDS: CommandRow[] = [
  list('vserver', 'listVServer', 'all VServers', [
    column('id'),
    column('name'),
    column('type'),
    column('state'),
    column('power'),
    column('condition'),
    column('reason'),
    addresses,
  ]),
  show('vserver', 'getVServerAttributes'),
  verb('vserver', 'status', 'getVServerStatus', 'state, power and why', { operation: false }),
  verb('vserver', 'create', 'createVServer', 'make a VServer from a disk image and boot it', {
    arguments: [newName],
    options: [...createVServerOptions, PARAM_OPTION],
    example:
      'innkeeper vserver create web --type small --image debian --vnet lan=10.0.0.5 --user-data web.sh',
  }),
  verb('vserver', 'start', 'startVServer', 'boot it'),
  verb('vserver', 'stop', 'stopVServer', 'ask its operating system to shut down'),
  verb('vserver', 'restart', 'restartVServer', 'stop, then start'),
  verb('vserver', 'power-on', 'powerOnVServer', 'take vCPUs and memory again'),
  verb('vserver', 'power-off', 'powerOffVServer', 'end it by force and release vCPUs and memory'),
  verb('vserver', 'reset', 'powerResetVServer', 'power off and on by force'),
  verb('vserver', 'destroy', 'destroyVServer', 'destroy it with its default disks'),
  verb('vserver', 'password', 'getInitialPasswordVServer', 'the initial password its guest has sent', {
    operation: false,
    options: [{ flags: '--clear', param: 'clear', help: 'and forget it' }],
  }),
  list('vnet', 'listVNet', 'all VNets', [
    column('id'),
    column('name'),
    column('ipv4Subnet', 'ipv4'),
    column('ipv6Subnet', 'ipv6'),
    column('state'),
  ]),
  show('vnet', 'getVNetAttributes'),
  verb('vnet', 'create', 'createVNet', 'make a VNet', {
    arguments: [newName],
    options: [
      { flags: '-4, --ipv4-subnet <cidr>', param: 'ipv4Subnet', help: 'IPv4 subnet; chosen if absent' },
      PARAM_OPTION,
    ],
    example: 'innkeeper vnet create lan --ipv4-subnet 10.0.0.0/24',
  }),
  verb('vnet', 'destroy', 'destroyVNet', 'destroy a VNet that has no VNIC any more'),
  list('image', 'listDiskImage', 'all disk images', [
    column('id'),
    column('name'),
    column('format'),
    column('size'),
    column('osType', 'os'),
    column('state'),
  ]),
  show('image', 'getDiskImageAttributes'),
  verb('image', 'register', 'registerDiskImage', 'fetch a disk image and keep it', {
    alias: 'create',
    arguments: [newName, { name: 'uri', param: 'uri', help: 'file:, http: or https: URI' }],
    options: [
      { flags: '--checksum <checksum>', param: 'checksum', help: 'such as sha256:HEX' },
      { flags: '--format <format>', param: 'format', help: 'raw or qcow2; found out if absent' },
      { flags: '--os-type <type>', param: 'osType', help: 'operating system inside' },
      PARAM_OPTION,
    ],
    example: 'innkeeper image register debian https://example.org/debian.qcow2 --checksum sha256:…',
  }),
  verb('image', 'unregister', 'unregisterDiskImage', 'forget a disk image; disks made from it stay', {
    alias: 'destroy',
  }),
  list('type', 'listVServerType', 'the VServerTypes of this host', []),
  list('operation', 'listOperation', 'operations, running and finished', [
    column('id'),
    column('kind'),
    column('state'),
    column('progress'),
    column('step'),
    column('resources'),
    column('startTime', 'started'),
  ]),
  show('operation', 'getOperation'),
  verb('operation', 'cancel', 'cancelOperation', 'stop an operation and undo it', { operation: false }),
];
