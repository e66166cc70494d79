// What innkeeper.toml says about storage pools, kind by kind.
import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { InnkeeperError } from '../resources/errors.ts';
import { Name } from '../resources/names.ts';
import { check } from '../validation.ts';
import type { PoolConfig } from './mod.ts';

const closed = { additionalProperties: false };
const Path = Type.String({ pattern: '^/', maxLength: 512, description: 'An absolute path' });
const Clone = Type.Union([Type.Literal('overlay'), Type.Literal('copy'), Type.Literal('auto')], {
  default: 'overlay',
  help: 'How a disk starts from its image: as an overlay upon it, as a full copy, or what the file system does best',
});
/** The same schema with words about this key, for docs/configure.md and the packaged innkeeper.toml. */
const help = <S extends TSchema>(schema: S, text: string): S => ({ ...schema, help: text });
const PoolName = help(Name, 'What createVDisk and createVServer ask for; the first pool is the default');
const LvmName = Type.String({
  pattern: '^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,126}$',
  description: 'A name of LVM',
});

const DirectoryEntry = Type.Object(
  {
    name: PoolName,
    kind: Type.Literal('directory', { default: 'directory', help: 'A folder of this host' }),
    path: help(Path, 'Where the disks are kept'),
    clone: Clone,
    require_mount: Type.Boolean({
      default: false,
      help: "True: the path must be a mount point, so that an unplugged disk is an error and not the host's own disk",
    }),
  },
  closed,
);

const NfsEntry = Type.Object(
  {
    name: PoolName,
    kind: Type.Literal('nfs', { help: 'An NFS export, mounted when it is not' }),
    source: Type.String({
      pattern: '^[^\\s:/-][^\\s/]*:/\\S*$',
      maxLength: 1024,
      description: 'An NFS export such as nas:/export',
      help: 'The export, such as nas:/export',
    }),
    path: help(Path, 'Where it is mounted'),
    options: Type.Optional(
      Type.String({
        pattern: '^[^\\s-]\\S*$',
        maxLength: 1024,
        description: 'Mount options',
        help: 'As mount(8) takes them',
      }),
    ),
    clone: Clone,
  },
  closed,
);

const LvmThinEntry = Type.Object(
  {
    name: PoolName,
    kind: Type.Literal('lvm-thin', { help: 'A thin pool of LVM' }),
    volume_group: help(LvmName, 'Its volume group'),
    thin_pool: help(LvmName, 'The thin pool in it'),
  },
  closed,
);

const KINDS = { directory: DirectoryEntry, nfs: NfsEntry, 'lvm-thin': LvmThinEntry };

/** One `[[pool]]`. */
export const PoolEntry = Type.Union([DirectoryEntry, NfsEntry, LvmThinEntry]);
export type PoolEntry = Static<typeof PoolEntry>;

/**
 * Checks one entry against the schema of its own kind, so that the error names the field that is wrong.
 * @throws InnkeeperError `invalid`
 */
export function checkPoolEntry(given: unknown, what: string): void {
  const kind = (given as { kind?: unknown } | null)?.kind ?? 'directory';
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind)) {
    throw new InnkeeperError('invalid', `${what}: kind must be one of ${Object.keys(KINDS).join(', ')}.`);
  }
  const schema = KINDS[kind as keyof typeof KINDS];
  check(schema, Value.Default(schema, structuredClone(given)), what);
}

/** The entry in the words of this folder. */
export function poolConfig(entry: PoolEntry): PoolConfig {
  switch (entry.kind) {
    case 'directory': {
      const { name, kind, path, clone, require_mount } = entry;
      return { name, kind, path, clone, requireMount: require_mount };
    }
    case 'nfs': {
      const { name, kind, source, path, options, clone } = entry;
      return { name, kind, source, path, clone, ...(options === undefined ? {} : { options }) };
    }
    case 'lvm-thin':
      return {
        name: entry.name,
        kind: entry.kind,
        volumeGroup: entry.volume_group,
        thinPool: entry.thin_pool,
      };
  }
}
