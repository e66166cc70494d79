// A DiskImage: content that a VDisk starts from.
import { type Static, Type } from '@sinclair/typebox';

export interface DiskImage {
  id: string;
  name: string;
  registerer: string;
  registerTime: string;
  uri: string;
  state: 'registering' | 'available';
  osType: string;
  osName: string;
  productIds: string[];
  creatorName: string;
  description: string;
  licenseInfo: string;
  guestType?: GuestType;
  /** sha256:… of the file as registered. */
  checksum?: string;
  path?: string;
  format?: 'raw' | 'qcow2';
  virtualSizeBytes?: number;
  fileBytes?: number;
}

/** How its guests meet the machine: by firmware (any ordinary image), or knowing their hypervisor. */
export const GuestType = Type.Union([Type.Literal('hvm'), Type.Literal('pv'), Type.Literal('pvh')], {
  description:
    'Absent: whatever lets an ordinary image boot. A host whose hypervisor has no such guests refuses.',
});
export type GuestType = Static<typeof GuestType>;

/** What a registerer may say of an image; only `guestType` has a meaning to the host. */
export const ImageDescription = {
  osType: Type.Optional(Type.String({ maxLength: 64 })),
  osName: Type.Optional(Type.String({ maxLength: 128 })),
  productIds: Type.Optional(Type.Array(Type.String({ maxLength: 128 }), { maxItems: 64 })),
  creatorName: Type.Optional(Type.String({ maxLength: 128 })),
  description: Type.Optional(Type.String({ maxLength: 4096 })),
  licenseInfo: Type.Optional(Type.String({ maxLength: 4096 })),
  guestType: Type.Optional(GuestType),
};

export const DiskImageAttributes = Type.Object(
  {
    diskImageId: Type.String(),
    name: Type.String(),
    state: Type.Union([Type.Literal('registering'), Type.Literal('available')]),
    sizeGB: Type.Optional(Type.Number()),
    format: Type.Optional(Type.String()),
    checksum: Type.Optional(Type.String()),
    osType: Type.String(),
    osName: Type.String(),
    productIds: Type.Array(Type.String()),
    creatorName: Type.String(),
    registerer: Type.String(),
    registerTime: Type.String(),
    description: Type.String(),
    licenseInfo: Type.String(),
    guestType: Type.Optional(GuestType),
    uri: Type.String(),
  },
  { $id: 'DiskImageAttributes' },
);
