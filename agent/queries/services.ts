// What the services of its VNets had to do for one VServer: how often they were asked, answered and refused.
import { type Static, Type } from '@sinclair/typebox';
import type { GuestWay } from '../guest/ways.ts';
import type { Host } from '../host.ts';
import type { VNic } from '../resources/vnet.ts';

export const ServiceUse = Type.Object(
  {
    /** Absent where the guest did not come by a VNIC. */
    vnicId: Type.Optional(Type.String()),
    service: Type.Union(
      ['dhcp4', 'dhcp6', 'http', 'serial', 'guest-agent'].map((name) => Type.Literal(name)),
    ),
    /** ISO 8601 UTC. */
    lastSeen: Type.String(),
    /** By event, those that happened, since the agent began to serve the VNet, or began at all. */
    counts: Type.Record(Type.String(), Type.Integer()),
  },
  { $id: 'ServiceUse' },
);
export type ServiceUse = Static<typeof ServiceUse>;

const WAYS: readonly GuestWay[] = ['serial', 'guest-agent'];

/** One entry for each service that the guest has used by each VNIC, and for each other way it was heard on. */
export function servicesOf(host: Host, vserverId: string, vnics: readonly VNic[]): ServiceUse[] {
  const ways = WAYS.flatMap((way) => {
    const use = host.guestWays.of(vserverId, way);
    return use ? [shown(way, use)] : [];
  });
  const services = vnics.flatMap((vnic) => {
    const { dhcp4, dhcp6, http } = host.metadata.guestCounters(vnic.vnetId, vnic.mac);
    const seen: [string, Seen | undefined][] = [
      ['dhcp4', dhcp4 && { lastSeen: dhcp4.lastSeen, ...dhcp4.counts }],
      ['dhcp6', dhcp6 && { lastSeen: dhcp6.lastSeen, ...dhcp6.counts }],
      ['http', http],
    ];
    return seen.flatMap(([service, use]) => (use ? [{ vnicId: vnic.id, ...shown(service, use) }] : []));
  });
  return [...services, ...ways];
}

/** Counts by event, and when the guest was last seen, milliseconds since 1970. */
type Seen = { lastSeen: number };

function shown(service: string, { lastSeen, ...counts }: Seen): ServiceUse {
  const happened = Object.entries(counts as Record<string, number>).filter(([, count]) => count > 0);
  return {
    service,
    lastSeen: new Date(lastSeen).toISOString(),
    counts: Object.fromEntries(happened),
  };
}
