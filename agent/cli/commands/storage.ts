// innkeeper image … and disk …
import {
  type ArgumentRow,
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
import { number } from '../options.ts';
import { column } from '../table.ts';

const size: ArgumentRow = { name: 'gb', param: 'sizeGB', help: 'size in GB (10^9 bytes)', make: number };
const pool: OptionRow = { flags: '--pool <pool>', param: 'pool', help: 'storage pool to keep it in' };

export const STORAGE_COMMANDS: CommandRow[] = [
  list('image', 'listDiskImage', 'all disk images', [
    column('diskImageId', 'id'),
    column('name'),
    column('state'),
    column('format'),
    column('sizeGB', 'gb'),
    column('osName', 'os'),
    column('uri'),
  ]),
  show('image', 'getDiskImageAttributes'),
  verb('image', 'register', 'registerDiskImage', 'fetch a disk image and keep it', {
    alias: 'create',
    arguments: [newName, { name: 'uri', param: 'uri', help: 'file:, http: or https: address, or vdisk:ID' }],
    options: [
      { flags: '--checksum <checksum>', param: 'checksum', help: 'sha256:HEX or sha512:HEX of the file' },
      { flags: '--format <format>', param: 'format', help: 'raw or qcow2; found out if absent' },
      { flags: '--os-type <os>', param: 'osType', help: 'kind of operating system inside' },
      { flags: '--os-name <name>', param: 'osName', help: 'its name and version' },
      { flags: '--guest-type <guest>', param: 'guestType', help: 'hvm, pv or pvh; hvm boots like a PC' },
      { flags: '--description <text>', param: 'description', help: 'for people' },
      PARAM_OPTION,
    ],
    example: 'innkeeper image register debian https://example.org/debian.qcow2 --checksum sha256:HEX',
  }),
  verb('image', 'unregister', 'unregisterDiskImage', 'forget a disk image; disks made from it stay', {
    alias: 'destroy',
  }),
  list('disk', 'listVDisk', 'all VDisks', [
    column('vdiskId', 'id'),
    column('name'),
    column('sizeGB', 'gb'),
    column('kind'),
    column('state'),
    column('attachedTo', 'vserver'),
    column('position'),
    column('pool'),
  ]),
  show('disk', 'getVDiskAttributes'),
  ask('disk', 'status', 'getVDiskStatus', 'whether it is attached, and to what'),
  verb('disk', 'create', 'createVDisk', 'make an empty VDisk, or one from a disk image', {
    arguments: [newName, size],
    options: [{ flags: '-i, --image <image>', param: 'imageId', help: 'content to begin with' }, pool],
    example: 'innkeeper disk create data 20',
  }),
  verb('disk', 'attach', 'attachVDisk', 'attach it to a VServer, running or not', {
    arguments: [...named('disk'), ...named('vserver')],
    options: [
      { flags: '--position <number>', param: 'position', help: 'smallest free one if absent', make: number },
    ],
  }),
  verb('disk', 'detach', 'detachVDisk', 'detach it; its content stays', {
    options: [
      {
        flags: '--timeout <seconds>',
        param: 'timeoutSeconds',
        help: 'for the guest to let go',
        make: number,
      },
    ],
  }),
  verb('disk', 'resize', 'resizeVDisk', 'let it grow, running or not', {
    arguments: [...named('disk'), size],
  }),
  verb('disk', 'backup', 'backupVDisk', 'make a new VDisk with its content of now', {
    arguments: [...named('disk'), newName],
    options: [
      pool,
      { flags: '--freeze', param: 'freeze', help: "let a running guest's agent hold its file systems" },
      { flags: '--track', param: 'track', help: 'remember what changes from now on' },
      { flags: '--since <backup>', param: 'since', help: 'read only what changed since a tracked backup' },
      { flags: '--rate <bytes>', param: 'bytesPerSecond', help: 'most bytes per second', make: number },
    ],
    example: 'innkeeper disk backup data data-monday --track',
  }),
  verb('disk', 'restore', 'restoreVDisk', 'overwrite it with the content of a backup', {
    arguments: [...named('disk'), { name: 'backup', param: 'backupId', help: 'name or id of the backup' }],
  }),
  verb('disk', 'destroy', 'destroyVDisk', 'destroy an unattached VDisk and its content'),
];
