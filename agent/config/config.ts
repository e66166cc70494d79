// innkeeper.toml: read, checked, completed with defaults.
import { readFile } from 'node:fs/promises';
import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { parse, TomlError } from 'smol-toml';
import { checkInet } from '../addressing/public.ts';
import { checkPlacement } from '../capacity/needs.ts';
import { ApiListenerConfig, ControlPlaneConfig, ListenerConfig } from '../control-plane/config.ts';
import { HookConfig } from '../hooks/config.ts';
import { MeteringConfig } from '../metering/config.ts';
import { InnkeeperError } from '../resources/errors.ts';
import { Name } from '../resources/names.ts';
import { checkPoolEntry, PoolEntry } from '../storage/config.ts';
import { check } from '../validation.ts';

const Path = Type.String({ pattern: '^/', maxLength: 512, description: 'An absolute path' });
const closed = { additionalProperties: false };
/** The same schema with words about this key. */
const help = <S extends TSchema>(schema: S, text: string): S => ({ ...schema, help: text });

const VServerTypeConfig = Type.Object(
  {
    name: help(Name, 'What createVServer asks for'),
    vcpus: Type.Integer({ minimum: 1, maximum: 512, help: 'Virtual processors' }),
    memory_mib: Type.Integer({ minimum: 32, maximum: 16_777_216, help: 'Memory in MiB' }),
    disk_gb: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 65_536,
        help: "Size of the system disk in GB; the image's own size where absent or smaller",
      }),
    ),
    default_vdisks_gb: Type.Optional(
      Type.Array(Type.Number({ minimum: 0.001, maximum: 1_000_000 }), {
        maxItems: 24,
        help: 'Sizes in GB of blank VDisks that it has besides the system disk, and that are destroyed with it',
      }),
    ),
    default_vnets: Type.Optional(
      Type.Array(Name, {
        maxItems: 8,
        help: 'VNets (by name) on which it has a VNIC where createVServer says nothing of VNICs',
      }),
    ),
    max_vdisks: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 25, help: 'Most VDisks it may have, the default ones included' }),
    ),
    max_vnics: Type.Optional(Type.Integer({ minimum: 0, maximum: 8, help: 'Most VNICs it may have' })),
    cpu_shares: Type.Optional(
      Type.Integer({ minimum: 2, maximum: 262_144, help: 'Weight when processors are short; 1024 is usual' }),
    ),
    cpu_cap_percent: Type.Optional(
      Type.Integer({ minimum: 1, help: 'Most it may use, in percent of one processor' }),
    ),
    hugepages: Type.Optional(
      Type.String({
        pattern: '^[1-9][0-9]{0,3}[MG]$',
        description: 'A size of huge pages, like 2M or 1G',
        help: 'Its memory is in huge pages of this size (2M, 1G), which the host must have reserved',
      }),
    ),
    numa_node: Type.Optional(
      Type.Union([Type.Literal('any'), Type.Integer({ minimum: 0, maximum: 1023 })], {
        help: 'It is on one NUMA node: on this one, or (any) where there is room',
      }),
    ),
    cpu_pinning: Type.Optional(
      Type.Boolean({ help: 'Each vCPU has a CPU to itself, of those in capacity.dedicated_cpus' }),
    ),
    disk_bytes_per_second: Type.Optional(
      Type.Integer({ minimum: 1, help: 'Most bytes per second, for each disk' }),
    ),
    disk_iops: Type.Optional(Type.Integer({ minimum: 1, help: 'Most operations per second, for each disk' })),
    graphics: Type.Optional(
      Type.Boolean({ help: 'Whether it has a screen (VNC on a UNIX socket) besides its serial console' }),
    ),
    second_serial: Type.Optional(
      Type.Boolean({
        help: 'Whether it has a second serial port, by which its guest can hand over its initial password',
      }),
    ),
    network_bytes_per_second: Type.Optional(
      Type.Integer({ minimum: 1, help: 'Most bytes per second, for each VNIC and direction' }),
    ),
  },
  closed,
);
export type VServerTypeConfig = Static<typeof VServerTypeConfig>;

/** `help` is what docs/configure.md and the packaged innkeeper.toml say of a key. */
export const ConfigSchema = Type.Object(
  {
    state_dir: Type.String({
      ...Path,
      default: '/var/lib/innkeeper',
      help: 'Where the inventory, images, context media and the default pool are kept',
    }),
    socket: Type.String({
      ...Path,
      default: '/run/innkeeper/innkeeper.sock',
      help: 'UNIX socket of the local API',
    }),
    socket_group: Type.Optional(
      Type.String({
        pattern: '^[a-z_][a-z0-9_-]*$',
        maxLength: 32,
        help: 'Group whose members may use the socket besides root',
      }),
    ),
    libvirt_uri: Type.String({
      default: 'qemu:///system',
      maxLength: 512,
      help: 'The hypervisor, as libvirt names it',
    }),
    prefix: Type.String({
      default: 'ik',
      pattern: '^[a-z]{2,4}$',
      description: 'Two to four lower-case letters',
      help: 'Two to four letters that begin the name of every bridge, tap, namespace, rule table and domain',
    }),
    log_level: Type.Union(
      ['trace', 'debug', 'info', 'warn', 'error'].map((level) => Type.Literal(level)),
      { default: 'info', help: 'The least important messages that are logged' },
    ),
    acceleration: Type.Union([Type.Literal('auto'), Type.Literal('kvm'), Type.Literal('tcg')], {
      default: 'auto',
      help: 'auto tries KVM with a tiny guest at start, and emulates (slowly) where it does not work',
    }),
    image_paths: Type.Array(Path, {
      default: ['/var/lib/innkeeper/incoming'],
      help: 'Folders that images may be registered from by file: URI',
    }),
    image_max_gb: Type.Number({ default: 1024, minimum: 0.001, help: 'Largest image that is taken' }),
    image_server_timeout_seconds: Type.Integer({
      default: 30,
      minimum: 1,
      maximum: 3600,
      help: 'Longest pause of a server that an image is fetched from; after five in a row it is given up',
    }),
    user_data_max_bytes: Type.Integer({
      default: 1_048_576,
      minimum: 0,
      maximum: 67_108_864,
      help: 'Largest user data of a VServer',
    }),
    reconcile_seconds: Type.Integer({
      default: 300,
      minimum: 5,
      help: 'How often the inventory is compared with the hypervisor; events are not waiting for that',
    }),
    capacity: Type.Object(
      {
        cpu_overcommit: Type.Number({
          default: 4,
          minimum: 0.1,
          maximum: 64,
          help: 'Promised vCPUs for each real one',
        }),
        memory_overcommit: Type.Number({
          default: 1,
          minimum: 0.1,
          maximum: 16,
          help: 'Promised memory for each byte of real memory',
        }),
        dedicated_cpus: Type.Optional(
          Type.String({
            pattern: '^[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*$',
            maxLength: 4096,
            description: 'A list of CPUs, like 2-7,10',
            help: 'CPUs kept for VServers whose type has cpu_pinning (like 2-7,10); all others share the rest',
          }),
        ),
        host_memory_mib: Type.Integer({
          default: 512,
          minimum: 0,
          help: 'Memory kept for the host itself',
        }),
        host_disk_percent: Type.Number({
          default: 5,
          minimum: 0,
          maximum: 90,
          help: 'Part of each pool that is kept free',
        }),
      },
      { ...closed, default: {}, help: 'How much of the host is promised to guests' },
    ),
    network: Type.Object(
      {
        ipv4_range: Type.String({
          default: '10.64.0.0/10',
          pattern: '^[0-9.]+/[0-9]+$',
          help: 'Range that VNets without a subnet of their own are taken from',
        }),
        ipv6_range: Type.Optional(
          Type.String({
            pattern: '^[0-9a-fA-F:]+/[0-9]+$',
            maxLength: 43,
            help: 'The same for IPv6; without it, unique local addresses (RFC 4193) of this host alone',
          }),
        ),
        transit_range: Type.String({
          default: '100.127.0.0/16',
          pattern: '^[0-9.]+/[0-9]+$',
          help: 'Addresses between the host and VNets that have a way out, two for each; nobody else sees them',
        }),
        mtu: Type.Integer({
          default: 1500,
          minimum: 576,
          maximum: 9216,
          help: 'Largest packet of a VNet, told to guests by DHCP',
        }),
        dns_servers: Type.Array(Type.String({ format: 'ip' }), {
          default: [],
          maxItems: 8,
          help: 'Name servers that guests are told, where their VNet names none',
        }),
        ntp_servers: Type.Array(Type.String({ format: 'ip' }), {
          default: [],
          maxItems: 8,
          help: 'Time servers that guests are told',
        }),
        search_domains: Type.Array(Type.String({ maxLength: 253 }), {
          default: [],
          maxItems: 8,
          help: 'Domains in which guests look names up',
        }),
        pxe_server: Type.Optional(
          Type.String({
            format: 'ipv4',
            help: 'TFTP server for machines that boot from the network; with pxe_file',
          }),
        ),
        pxe_file: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 127,
            pattern: '^[\\x21-\\x7e]+$',
            help: 'Boot file on it; for iPXE also a URL. Machines that do not boot from the network are not told',
          }),
        ),
        lease_seconds: Type.Integer({
          default: 86_400,
          minimum: 120,
          help: 'How long a DHCP lease lasts; addresses stay the same anyway',
        }),
        metadata_hop_limit: Type.Integer({
          default: 1,
          minimum: 1,
          maximum: 255,
          help: 'IP hops that answers of the metadata service travel; 1: not beyond the guest, so not into its containers',
        }),
      },
      { ...closed, default: {}, help: 'What guests are told on their networks' },
    ),
    inet: Type.Optional(
      Type.Object(
        {
          bridge: Type.Optional(
            Type.String({
              pattern: '^[A-Za-z][A-Za-z0-9_.-]{0,14}$',
              help: "The provider's bridge on this host; without it the host itself is the router and translates",
            }),
          ),
          ipv4_ranges: Type.Array(Type.String({ pattern: '^[0-9.]+/[0-9]+$' }), {
            default: [],
            maxItems: 64,
            help: 'Public addresses that may be allocated, such as 203.0.113.16/28',
          }),
          ipv4_gateway: Type.Optional(
            Type.String({ format: 'ipv4', help: "The provider's router; needed with a bridge" }),
          ),
          ipv6_ranges: Type.Array(Type.String({ pattern: '^[0-9a-fA-F:]+/[0-9]+$', maxLength: 43 }), {
            default: [],
            maxItems: 64,
            help: 'The same for IPv6',
          }),
          ipv6_gateway: Type.Optional(
            Type.String({ format: 'ipv6', help: "The provider's router; may be a link-local address" }),
          ),
        },
        { ...closed, help: "The provider's network, which PublicIPs are taken from; none without it" },
      ),
    ),
    pool: Type.Array(PoolEntry, {
      default: [],
      help: 'Where disks are kept; without any, the folder pools/default of state_dir',
    }),
    vserver_type: Type.Array(VServerTypeConfig, {
      default: [
        { name: 'small', vcpus: 1, memory_mib: 512 },
        { name: 'medium', vcpus: 2, memory_mib: 2048 },
        { name: 'large', vcpus: 4, memory_mib: 8192 },
      ],
      help: 'Sizes that VServers can have',
    }),
    control_plane: Type.Array(ControlPlaneConfig, {
      default: [],
      help: 'Who directs this host from afar; the agent dials out',
    }),
    control_plane_listener: Type.Optional(ListenerConfig),
    api_listener: Type.Optional(ApiListenerConfig),
    metering: MeteringConfig,
    hook: Type.Array(HookConfig, {
      default: [],
      help: 'Programs that are run when something happens to a VServer',
    }),
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
  checkPlacement(config, source);
  if (config.inet) checkInet(config.inet);
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
