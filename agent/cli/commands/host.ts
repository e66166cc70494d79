// innkeeper type … and operation …
import { ask, type CommandRow, list, show } from '../command-row.ts';
import { column } from '../table.ts';

export const HOST_COMMANDS: CommandRow[] = [
  list('type', 'listVServerType', 'the VServerTypes of this host', [
    column('name'),
    column('vcpus'),
    column('memoryMiB', 'mib'),
    column('diskGB', 'disk gb'),
  ]),
  list('operation', 'listOperation', 'the latest operations, newest first', [
    column('id'),
    column('kind'),
    column('state'),
    column('progress', '%'),
    column('step'),
    column('resources'),
    column('startTime', 'started'),
  ]),
  show('operation', 'getOperation'),
  ask('operation', 'cancel', 'cancelOperation', 'stop an operation and undo it'),
];
