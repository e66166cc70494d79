// innkeeper image … and disk …
import { type CommandRow, list, newName, PARAM_OPTION, show, verb } from '../command-row.ts';
import { column } from '../table.ts';

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
    arguments: [newName, { name: 'uri', param: 'uri', help: 'file:, http: or https: address' }],
    options: [
      { flags: '--checksum <checksum>', param: 'checksum', help: 'sha256:HEX or sha512:HEX of the file' },
      { flags: '--format <format>', param: 'format', help: 'raw or qcow2; found out if absent' },
      { flags: '--os-type <type>', param: 'osType', help: 'kind of operating system inside' },
      { flags: '--os-name <name>', param: 'osName', help: 'its name and version' },
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
];
