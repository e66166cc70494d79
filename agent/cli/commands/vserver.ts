// innkeeper vserver …
import {
  ask,
  type CommandRow,
  list,
  newName,
  type OptionRow,
  PARAM_OPTION,
  show,
  verb,
} from '../command-row.ts';
import { content, contextFiles, number, pairs, repeated, sshKeys, vnic, words } from '../options.ts';
import { type Column, column } from '../table.ts';

/** Sum of one counter over all disks or VNICs of a sample. */
function total(list: string, counter: string, heading: string): Column {
  const value = (row: Record<string, unknown>) => {
    const counted = (row[list] as Record<string, number | undefined>[]).flatMap((one) => one[counter] ?? []);
    return counted.length === 0 ? undefined : counted.reduce((sum, count) => sum + count, 0);
  };
  return { heading: heading.toUpperCase(), value };
}

/** What the guest is told. */
const factOptions: OptionRow[] = [
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
  {
    flags: '--var <name=value>',
    param: 'variables',
    help: 'custom context variable; repeat for more',
    parse: repeated,
    make: (given: string[]) => pairs(given),
  },
  {
    flags: '--file <name=path>',
    param: 'files',
    help: 'a file on the context media, by this name; repeat for more',
    parse: repeated,
    make: (given: string[]) => contextFiles(given),
  },
];

const createOptions: OptionRow[] = [
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
  ...factOptions,
  { flags: '--context <kinds>', param: 'context', help: 'context media, separated by commas', parse: words },
  { flags: '--no-boot', param: 'boot', help: 'leave it inactive' },
  { flags: '--no-autostart', param: 'autostart', help: 'leave it off after a reboot of the host' },
  PARAM_OPTION,
];

export const VSERVER_COMMANDS: CommandRow[] = [
  list('vserver', 'listVServer', 'all VServers', [
    column('vserverId', 'id'),
    column('name'),
    column('vserverType', 'type'),
    column('state'),
    column('power'),
    column('condition'),
    column('reason'),
    column('addresses'),
  ]),
  show('vserver', 'getVServerAttributes'),
  ask('vserver', 'status', 'getVServerStatus', 'state, power and why'),
  verb('vserver', 'create', 'createVServer', 'make a VServer from a disk image and boot it', {
    arguments: [newName],
    options: createOptions,
    example:
      'innkeeper vserver create web --type small --image debian --vnet lan=10.0.0.5 --user-data web.sh',
  }),
  verb('vserver', 'start', 'startVServer', 'boot it'),
  verb('vserver', 'stop', 'stopVServer', 'ask its operating system to shut down'),
  verb('vserver', 'restart', 'restartVServer', 'stop, then start'),
  verb('vserver', 'power-on', 'powerOnVServer', 'take vCPUs and memory again'),
  verb('vserver', 'power-off', 'powerOffVServer', 'end it by force and release vCPUs and memory'),
  verb('vserver', 'reset', 'powerResetVServer', 'power off and on by force'),
  verb('vserver', 'pause', 'pauseVServer', 'stop its vCPUs; memory and devices stay'),
  verb('vserver', 'resume', 'resumeVServer', 'let it run on after a pause'),
  verb('vserver', 'save', 'saveVServer', 'write its memory to disk and release vCPUs and memory'),
  verb('vserver', 'restore', 'restoreVServer', 'let it run on where it was saved'),
  verb(
    'vserver',
    'update',
    'updateVServer',
    'another type (while inactive), other facts for its guest, or whether it comes back after a host reboot',
    {
      options: [
        ...factOptions,
        { flags: '-t, --type <type>', param: 'type', help: 'VServerType, see `innkeeper type list`' },
        {
          flags: '--autostart <yes-or-no>',
          param: 'autostart',
          help: 'start it again after a host reboot',
          make: (answer: string) => answer === 'yes',
        },
      ],
    },
  ),
  verb('vserver', 'destroy', 'destroyVServer', 'destroy it with its default disks'),
  ask('vserver', 'meter', 'listMeterSample', 'what it has used, sample by sample', {
    options: [
      { flags: '--after <number>', param: 'after', help: 'only samples above this number', make: number },
      { flags: '--limit <number>', param: 'limit', help: 'how many, 100 if absent', make: number },
    ],
    columns: [
      column('seq'),
      column('time'),
      column('state'),
      column('vcpus'),
      column('memoryMiB', 'mib'),
      column('cpuSeconds', 'cpu s'),
      total('disks', 'readBytes', 'read'),
      total('disks', 'writtenBytes', 'written'),
      total('vnics', 'receivedBytes', 'received'),
      total('vnics', 'sentBytes', 'sent'),
    ],
    example: 'innkeeper vserver meter web --limit 60',
  }),
  ask('vserver', 'password', 'getInitialPasswordVServer', 'the initial password its guest has sent', {
    options: [{ flags: '--clear', param: 'clear', help: 'and forget it' }],
  }),
  ask(
    'vserver',
    'set-password',
    'setPasswordVServer',
    'set a password by the guest agent, one made up if none is given',
    {
      options: [
        { flags: '--user <name>', param: 'user', help: 'whose; root if absent' },
        {
          flags: '--from <file>',
          param: 'password',
          help: 'file with the password, - for standard input; one line ending at its end is not part of it',
          make: async (file: string) => (await content(file)).toString('utf8').replace(/\r?\n$/, ''),
        },
      ],
      example: 'innkeeper vserver set-password web --user alice',
    },
  ),
];
