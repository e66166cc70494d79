// A VServer: what is kept of it, what is shown of it, and which state may follow which.
import { type Static, Type } from '@sinclair/typebox';
import type { GuestType } from './disk-image.ts';
import { Placement, type PlacementNeeds } from './placement.ts';

export const VServerState = Type.Union([
  Type.Literal('creating'),
  Type.Literal('inactive'),
  Type.Literal('running'),
  Type.Literal('stopping'),
  Type.Literal('error'),
]);
export type VServerStateName = Static<typeof VServerState>;

/** Finer than the five states, where they are too coarse. */
export type ConditionName = 'starting' | 'paused' | 'saved' | 'busy' | 'unknown';

/** Any octets, in a JSON text. */
export const Base64 = Type.String({
  contentEncoding: 'base64',
  pattern: '^[A-Za-z0-9+/\\s]*={0,2}\\s*$',
  description: 'Base64',
});

/** Which EC2-style requests are answered: all, or only those with a session token (IMDSv2). */
export const ImdsVersion = Type.Union([Type.Literal('v1'), Type.Literal('v2')], {
  description: 'v2: EC2 requests need a session token',
});
export type ImdsVersion = Static<typeof ImdsVersion>;

/** Ways a guest may find its configuration: on a medium, or (firmware strings only) over the network. */
export const ContextKind = Type.Union([
  Type.Literal('opennebula'),
  Type.Literal('nocloud'),
  Type.Literal('config-drive'),
  Type.Literal('ovf'),
  Type.Literal('nocloud-http'),
  Type.Literal('openstack'),
  Type.Literal('ec2'),
  Type.Literal('cloudstack'),
]);
export type ContextKind = Static<typeof ContextKind>;

/** A file of the creator's own on every context medium; OpenNebula's FILES names it. */
export const ContextFile = Type.Object(
  {
    name: Type.String({
      // What every medium and the white-space-separated FILES can carry.
      pattern: '^[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}$',
    }),
    content: Base64,
  },
  { additionalProperties: false },
);
export type ContextFile = Static<typeof ContextFile>;

/** What the inventory keeps of a VServer; disks and NICs point to it, not it to them. */
export interface VServer {
  id: string;
  name: string;
  creator: string;
  /** ISO 8601 UTC. */
  createTime: string;
  vserverType: string;
  imageId: string;
  /** Of its DiskImage, which may be unregistered while the VServer lives on. */
  productIds?: string[];
  hostname: string;
  /** Base64. */
  userData: string;
  /** Base64; what the provider adds to the user data. Absent if nothing. */
  vendorData?: string;
  /** `v1` if absent. */
  imds?: ImdsVersion;
  sshKeys: string[];
  passwordKey?: string;
  variables: Record<string, string>;
  /** None if absent. */
  files?: ContextFile[];
  context: ContextKind[];
  /** Of its DiskImage, which may be gone by now. */
  guestType?: GuestType;
  /** Domain UUID; the guest's system UUID. */
  uuid: string;
  /** Domain name on the hypervisor. */
  domain: string;
  state: VServerStateName;
  power: 'on' | 'off';
  /** Why it is in that state, for a person. */
  reason: string;
  condition?: ConditionName;
  /** Start again after a host reboot. */
  autostart: boolean;
  /** What the type promised when it was made; a later change of the configuration does not change it. */
  vcpus: number;
  memoryMiB: number;
  /** Absent where it may be anywhere on the host. */
  needs?: PlacementNeeds;
  /** Where its definition puts it: held while its power is on, only remembered while it is off. */
  placement?: Placement;
  initialPassword?: { how: 'clear' | 'encrypted'; sealed: string; time: string };
}

/** States that may follow a state; anything else is a fault of ours and refused. */
export const NEXT_STATES: Record<VServerStateName, readonly VServerStateName[]> = {
  creating: ['inactive', 'error'],
  inactive: ['running', 'error'],
  running: ['stopping', 'inactive', 'error'],
  stopping: ['inactive', 'running', 'error'],
  error: ['inactive', 'running'],
};

export const VServerAttributes = Type.Object(
  {
    vserverId: Type.String(),
    name: Type.String(),
    creator: Type.String(),
    createTime: Type.String(),
    vserverType: Type.String(),
    state: VServerState,
    power: Type.Union([Type.Literal('on'), Type.Literal('off')]),
    reason: Type.String(),
    condition: Type.Optional(Type.String()),
    hostname: Type.String(),
    diskImageId: Type.String(),
    vcpus: Type.Integer(),
    memoryMiB: Type.Integer(),
    placement: Type.Optional(Placement),
    autostart: Type.Boolean(),
    userData: Type.String({ description: 'Base64.' }),
    imds: ImdsVersion,
    vdiskIds: Type.Array(Type.String()),
    vnicIds: Type.Array(Type.String()),
    addresses: Type.Array(Type.String()),
    initialPassword: Type.Union([Type.Literal('none'), Type.Literal('clear'), Type.Literal('encrypted')]),
  },
  { $id: 'VServerAttributes' },
);
