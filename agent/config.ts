// innkeeper.toml: read, checked, completed with defaults.
import { readFile } from 'node:fs/promises';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { parse, TomlError } from 'smol-toml';
import { ControlPlaneConfig, ListenerConfig } from './control-plane/config.ts';
import { InnkeeperError } from './resources/errors.ts';
import { Name } from './resources/names.ts';
import { checkPoolEntry, PoolEntry } from './storage/config.ts';
import { check } from './validation.ts';

const Path = Type.String({ pattern: '^/', maxLength: 512, description: 'An absolute path' });
const closed = { additionalProperties: false };

const VServerTypeConfig = Type.Object(
  {
    name: Name,
    vcpus: Type.Integer({ minimum: 1, maximum: 512 }),
    memory_mib: Type.Integer({ minimum: 32, maximum: 16_777_216 }),
    /** Size of the system disk; the image's own size where absent or smaller. */
    disk_gb: Type.Optional(Type.Number({ minimum: 0, maximum: 65_536 })),
    cpu_shares: Type.Optional(Type.Integer({ minimum: 2, maximum: 262_144 })),
    cpu_cap_percent: Type.Optional(Type.Integer({ minimum: 1 })),
    disk_bytes_per_second: Type.Optional(Type.Integer({ minimum: 1 })),
    disk_iops: Type.Optional(Type.Integer({ minimum: 1 })),
    network_bytes_per_second: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  closed,
);
export type VServerTypeConfig = Static<typeof VServerTypeConfig>;

const ConfigSchema = Type.Object(
  {
    state_dir: Type.String({ ...Path, default: '/var/lib/innkeeper' }),
    socket: Type.String({ ...Path, default: '/run/innkeeper/innkeeper.sock' }),
    /** Name of the group whose members may use the socket besides root. */
    socket_group: Type.Optional(Type.String({ pattern: '^[a-z_][a-z0-9_-]*$', maxLength: 32 })),
    libvirt_uri: Type.String({ default: 'qemu:///system', maxLength: 512 }),
    /** Two to four letters that begin the name of every bridge, tap, namespace, rule table and domain. */
    prefix: Type.String({
      default: 'ik',
      pattern: '^[a-z]{2,4}$',
      description: 'Two to four lower-case letters',
    }),
    log_level: Type.Union(
      ['trace', 'debug', 'info', 'warn', 'error'].map((level) => Type.Literal(level)),
      { default: 'info' },
    ),
    acceleration: Type.Union([Type.Literal('auto'), Type.Literal('kvm'), Type.Literal('tcg')], {
      default: 'auto',
    }),
    /** Folders that file: images may come from. */
    image_paths: Type.Array(Path, { default: ['/var/lib/innkeeper/incoming'] }),
    image_max_gb: Type.Number({ default: 1024, minimum: 0.001 }),
    user_data_max_bytes: Type.Integer({ default: 1_048_576, minimum: 0, maximum: 67_108_864 }),
    reconcile_seconds: Type.Integer({ default: 300, minimum: 5 }),
    capacity: Type.Object(
      {
        /** Promised vCPUs for each real one. */
        cpu_overcommit: Type.Number({ default: 4, minimum: 0.1, maximum: 64 }),
        memory_overcommit: Type.Number({ default: 1, minimum: 0.1, maximum: 16 }),
        /** Kept for the host itself. */
        host_memory_mib: Type.Integer({ default: 512, minimum: 0 }),
        host_disk_percent: Type.Number({ default: 5, minimum: 0, maximum: 90 }),
      },
      { ...closed, default: {} },
    ),
    network: Type.Object(
      {
        /** Range that VNets without a subnet of their own are taken from. */
        ipv4_range: Type.String({ default: '10.64.0.0/10', pattern: '^[0-9.]+/[0-9]+$' }),
        mtu: Type.Integer({ default: 1500, minimum: 576, maximum: 9216 }),
        dns_servers: Type.Array(Type.String({ format: 'ip' }), { default: [], maxItems: 8 }),
        ntp_servers: Type.Array(Type.String({ format: 'ip' }), { default: [], maxItems: 8 }),
        search_domains: Type.Array(Type.String({ maxLength: 253 }), { default: [], maxItems: 8 }),
        lease_seconds: Type.Integer({ default: 86_400, minimum: 120 }),
      },
      { ...closed, default: {} },
    ),
    pool: Type.Array(PoolEntry, { default: [] }),
    vserver_type: Type.Array(VServerTypeConfig, {
      default: [
        { name: 'small', vcpus: 1, memory_mib: 512 },
        { name: 'medium', vcpus: 2, memory_mib: 2048 },
        { name: 'large', vcpus: 4, memory_mib: 8192 },
      ],
    }),
    control_plane: Type.Array(ControlPlaneConfig, { default: [] }),
    control_plane_listener: Type.Optional(ListenerConfig),
  },
  closed,
);
export type Config = Static<typeof ConfigSchema>;

/** Completes and checks what a configuration file holds. @throws InnkeeperError `invalid` */
export function checkConfig(given: unknown, source = 'configuration'): Config {
  const pools = (given as { pool?: unknown } | null)?.pool;
  for (const [index, pool] of (Array.isArray(pools) ? pools : []).entries()) {
    checkPoolEntry(pool, `${source}: pool.${index}`);
  }
  const config = check(ConfigSchema, Value.Default(ConfigSchema, structuredClone(given)), source);
  const linked = [...config.control_plane, ...(config.control_plane_listener?.control_plane ?? [])];
  for (const list of [config.pool, config.vserver_type, linked]) {
    const twice = list.find(({ name }, index) => list.findIndex((other) => other.name === name) !== index);
    if (twice) throw new InnkeeperError('invalid', `${source}: the name ${twice.name} is given twice.`);
  }
  if (config.pool.length > 0) return config;
  return {
    ...config,
    pool: [
      {
        name: 'default',
        kind: 'directory',
        path: `${config.state_dir}/pools/default`,
        clone: 'overlay',
        require_mount: false,
      },
    ],
  };
}

/** Reads a configuration file. @throws InnkeeperError `invalid` with line and reason, `not-found` */
export async function readConfig(path: string): Promise<Config> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new InnkeeperError(
      'not-found',
      `The configuration ${path} cannot be read: ${(error as Error).message}.`,
    );
  }
  try {
    return checkConfig(parse(text), path);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new InnkeeperError('invalid', `${path}: line ${error.line}: ${error.message.split('\n')[0]}.`);
  }
}
