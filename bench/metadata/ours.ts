// Run as a process of its own: the metadata server of one VNet, limits on, as the agent has it.
// Usage: node ours.ts NAMESPACE ADDRESS BODY-BYTES     says "ready" and serves until it is ended
import { MetadataServer } from '../../metadata-server/mod.ts';
import { directoryOf, factsOf, nicOf, silentLog } from '../../test/helpers/guest-facts.ts';

const [namespace = '', address = '', bytes = '0'] = process.argv.slice(2);
const nic = nicOf({ ipv4: { address, prefixLength: 24, gateway: '10.0.0.1' } });
const facts = factsOf({ userData: Buffer.alloc(Number(bytes), 'x'), nics: [nic] });
const byAddress = new Map([[address, { facts, nic }]]);
const server = new MetadataServer({
  directory: { ...directoryOf(), byAddress: (_vnetId, asked) => byAddress.get(asked) },
  log: silentLog,
  // Counted and compared for every request as ever, but one client plays all guests here.
  limits: { httpBurst: 1e9, httpPerSecond: 1e9, connectionsPerGuest: 1e6, connectionsPerNetwork: 1e6 },
});
const ipv4 = { address: '10.0.0.1', prefixLength: 24 };
await server.add({ vnetId: 'vnet-a', namespace, device: 'vnet0', ipv4, mtu: 1500, leaseSeconds: 3600 });
process.stdout.write('ready\n');
