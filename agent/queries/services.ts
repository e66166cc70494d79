// What the services of its VNets had to do for one VServer: how often they were asked, answered and refused.
import { type Static, Type } from '@sinclair/typebox';
import type { Host } from '../host.ts';
import type { VNic } from '../resources/vnet.ts';

export const ServiceUse = Type.Object(
  {
    vnicId: Type.String(),
    service: Type.Union(['dhcp4', 'dhcp6', 'http'].map((name) => Type.Literal(name))),
    /** ISO 8601 UTC. */
    lastSeen: Type.String(),
    /** By event, those that happened, since the agent began to serve the VNet. */
    counts: Type.Record(Type.String(), Type.Integer()),
  },
  { $id: 'ServiceUse' },
);
export type ServiceUse = Static<typeof ServiceUse>;

/** One entry for each service that the guest has used by each VNIC. */
export function servicesOf(host: Host, vnics: readonly VNic[]): ServiceUse[] {
  return vnics.flatMap((vnic) => {
    const { dhcp4, dhcp6, http } = host.metadata.guestCounters(vnic.vnetId, vnic.mac);
    const seen: [string, Seen | undefined][] = [
      ['dhcp4', dhcp4 && { lastSeen: dhcp4.lastSeen, ...dhcp4.counts }],
      ['dhcp6', dhcp6 && { lastSeen: dhcp6.lastSeen, ...dhcp6.counts }],
      ['http', http],
    ];
    return seen.flatMap(([service, use]) => (use ? [shown(vnic.id, service, use)] : []));
  });
}

/** Counts by event, and when the guest was last seen, milliseconds since 1970. */
type Seen = { lastSeen: number };

function shown(vnicId: string, service: string, { lastSeen, ...counts }: Seen): ServiceUse {
  const happened = Object.entries(counts as Record<string, number>).filter(([, count]) => count > 0);
  return {
    vnicId,
    service,
    lastSeen: new Date(lastSeen).toISOString(),
    counts: Object.fromEntries(happened),
  };
}
