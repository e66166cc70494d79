// Serves one VNet as an agent does whose sockets the service manager keeps; SIGUSR2 removes the VNet.
import { inheritedSockets } from '../../agent/service-manager/inherited.ts';
import { SocketStore } from '../../agent/service-manager/socket-store.ts';
import { MetadataServer, type ServedNetwork } from '../../metadata-server/mod.ts';
import { directoryOf, factsOf, nicOf, silentLog } from '../helpers/guest-facts.ts';

const network: ServedNetwork = JSON.parse(process.argv[2] as string);
const keeper = new SocketStore(inheritedSockets(process.env), {
  warn: (details, message) => console.error(message, details),
});
const { vnetId } = network;
const facts = factsOf({ userData: Buffer.from(`by ${process.pid}`), nics: [nicOf({ vnetId })] });
const server = new MetadataServer({ directory: directoryOf(facts), log: silentLog, keeper });
process.on('SIGTERM', async () => {
  await server.close();
  process.exit();
});
process.on('SIGUSR2', async () => {
  await server.remove(vnetId);
  console.log('removed');
});
const resumed = await server.resume(network);
await server.add(network);
await keeper.forgetTheRest();
console.log(`${resumed ? 'resumed' : 'opened'} ${process.pid}`);
