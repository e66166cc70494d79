// Our DHCP responder as the agent runs it, in a process of its own: ours.ts NAMESPACE RESERVATIONS.
import { readFile } from 'node:fs/promises';
import type { GuestFacts } from '../../contextualization/guest-facts.ts';
import { type Guest, MetadataServer } from '../../metadata-server/mod.ts';

const GATEWAY = '10.99.0.1';
/** perfdhcp plays a relay at this address. */
const RELAY = '10.99.255.254';

const [namespace = '', reservations = ''] = process.argv.slice(2);
const guests = new Map<string, Guest>();
for (const { mac, address } of JSON.parse(await readFile(reservations, 'utf8')) as Record<string, string>[]) {
  const nic = {
    ...{ vnicId: 'vnic-00000001', vnetId: 'bench', vnetName: 'bench', position: 0, mac: mac!, mtu: 1500 },
    ipv4: { address: address!, prefixLength: 16, gateway: GATEWAY },
    ...{ dnsServers: [GATEWAY], searchDomains: [], ntpServers: [] },
  };
  guests.set(mac!, { nic, facts: { hostname: 'guest', nics: [nic] } as unknown as GuestFacts });
}
const server = new MetadataServer({
  directory: {
    byMac: (_vnet, mac) => guests.get(mac),
    byAddress: () => undefined,
    storeInitialPassword: async () => 'already',
    encryptedPassword: () => undefined,
  },
  log: { debug() {}, info() {}, warn() {}, error() {} },
  // The limits that protect it from one guest are lifted: all of the load comes from few.
  limits: { dhcpBurst: 1e9, dhcpPerSecond: 1e9 },
});
await server.add({
  ...{ vnetId: 'bench', namespace, device: 'vnet0', mtu: 1500, leaseSeconds: 3600 },
  ipv4: { address: GATEWAY, prefixLength: 16 },
  relays: [RELAY],
});
process.on('SIGTERM', () => void server.close());
