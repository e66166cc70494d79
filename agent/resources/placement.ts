// Where on the host a VServer is, if its type asks for more than vCPUs and memory anywhere.
import { type Static, Type } from '@sinclair/typebox';

/** What a VServerType asks for; each of them means: on one NUMA node. */
export interface PlacementNeeds {
  /** Memory in huge pages of this size. */
  hugepageKiB?: number;
  /** A certain NUMA node, or whichever has room. */
  numaNode?: number | 'any';
  /** One host CPU for each vCPU, and nobody else's. */
  pinned?: true;
}

export const Placement = Type.Object({
  numaNode: Type.Integer(),
  hugepageKiB: Type.Optional(Type.Integer({ description: 'Its memory is in huge pages of this size.' })),
  cpus: Type.Optional(Type.Array(Type.Integer(), { description: 'The host CPU of each vCPU.' })),
});
/** What it holds while its power is on. */
export type Placement = Static<typeof Placement>;
