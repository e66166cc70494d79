// A DiskImage: content that a VDisk starts from.
import { Type } from '@sinclair/typebox';

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
  /** sha256:… of the file as registered. */
  checksum?: string;
  path?: string;
  format?: 'raw' | 'qcow2';
  virtualSizeBytes?: number;
  fileBytes?: number;
}

/** What a registerer may say of an image; carried along, not interpreted. */
export const ImageDescription = {
  osType: Type.Optional(Type.String({ maxLength: 64 })),
  osName: Type.Optional(Type.String({ maxLength: 128 })),
  productIds: Type.Optional(Type.Array(Type.String({ maxLength: 128 }), { maxItems: 64 })),
  creatorName: Type.Optional(Type.String({ maxLength: 128 })),
  description: Type.Optional(Type.String({ maxLength: 4096 })),
  licenseInfo: Type.Optional(Type.String({ maxLength: 4096 })),
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
    uri: Type.String(),
  },
  { $id: 'DiskImageAttributes' },
);
