// A VDisk: a block device, and the volume in a storage pool that holds its content.
import { Type } from '@sinclair/typebox';

export interface VDisk {
  id: string;
  name: string;
  creator: string;
  createTime: string;
  sizeBytes: number;
  /** Default VDisks come from the type and die with the VServer. */
  kind: 'default' | 'optional';
  imageId?: string;
  backupSrcVDisk?: string;
  /** This backup is as it was taken, and its source remembers what changed since: the next may build on it. */
  tracked?: boolean;
  pool: string;
  /** Absent until the content exists. */
  path?: string;
  format?: 'raw' | 'qcow2';
  /** What an overlay builds on; shared with other VDisks. */
  backing?: { path: string; format: 'raw' | 'qcow2' };
  attachedTo?: string;
  /** 0 is the system disk. */
  position?: number;
  /** True while an operation is still making it. */
  creating?: boolean;
  /** The operation that copies its content now; `live` if its VServer runs meanwhile. */
  copying?: { operation: string; live: boolean };
}

export const VDiskAttributes = Type.Object(
  {
    vdiskId: Type.String(),
    name: Type.String(),
    creator: Type.String(),
    createTime: Type.String(),
    sizeGB: Type.Number(),
    kind: Type.Union([Type.Literal('default'), Type.Literal('optional')]),
    state: Type.Union([Type.Literal('unattached'), Type.Literal('attached')]),
    attachedTo: Type.Optional(Type.String()),
    position: Type.Optional(Type.Integer()),
    diskImageId: Type.Optional(Type.String()),
    backupSrcVDisk: Type.Optional(Type.String()),
    tracked: Type.Optional(Type.Boolean()),
    pool: Type.String(),
  },
  { $id: 'VDiskAttributes' },
);
