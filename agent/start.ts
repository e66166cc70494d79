// Start-up and shut-down of one host's agent, in the order that keeps every promise to its guests.
import { chmod, chown, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import { openHypervisor } from '../drivers/open.ts';
import { MetadataServer } from '../metadata-server/mod.ts';
import { Agent } from './agent.ts';
import { takeInventory } from './capacity/machine.ts';
import { PoolSampler } from './capacity/pool-sampler.ts';
import { HostTotals } from './capacity/totals.ts';
import type { Config } from './config/config.ts';
import { connectPatiently } from './connect.ts';
import { InventoryDirectory } from './guest/directory.ts';
import { GuestLines } from './guest/line/guest-lines.ts';
import { Seal } from './guest/seal.ts';
import { Host } from './host.ts';
import { EventLog } from './inventory/event-log.ts';
import { Inventory } from './inventory/inventory.ts';
import { Meter, roundsOf } from './metering/meter.ts';
import { MeterStore } from './metering/meter-store.ts';
import { HostNetwork } from './network/mod.ts';
import { NetworkKeeper } from './observation/network-keeper.ts';
import { Observer } from './observation/observer.ts';
import { Reboot } from './observation/reboot.ts';
import { type Boundary, OperationEngine } from './operations/engine.ts';
import { JournalStore } from './operations/journal-store.ts';
import { OPERATIONS } from './operations/kinds.ts';
import { vnetPlan, vnicPlan } from './operations/machine.ts';
import { clearDiscarded } from './operations/vdisk/discarded.ts';
import { servedNetwork } from './operations/vnet/steps.ts';
import { folders, inventoryPath, meteringPath, sealKeyPath } from './paths.ts';
import { QUERIES } from './queries/queries.ts';
import type { InheritedSocket } from './service-manager/inherited.ts';
import { SocketStore } from './service-manager/socket-store.ts';
import { poolConfig } from './storage/config.ts';
import { ImageLibrary, openPool } from './storage/mod.ts';

/** How long running operations may go on after the agent was asked to stop. */
const DRAIN_MS = 10_000;

export interface RunningAgent {
  agent: Agent;
  host: Host;
  close(): Promise<void>;
}

/**
 * Puts a host together and brings it to where it was: networks and rules first, then their services, then the
 * unfinished operations; the hypervisor may be away all the while.
 * @param left sockets of VNets that an earlier process left with the service manager
 */
export async function startAgent(
  config: Config,
  log: Logger,
  boundary?: Boundary,
  left: readonly InheritedSocket[] = [],
): Promise<RunningAgent> {
  await makeFolders(config);
  const inventory = await Inventory.open(inventoryPath(config));
  const seal = await Seal.open(sealKeyPath(config));
  const directory = new InventoryDirectory(inventory, config.network, seal);
  const meters = await openMeters(config, log, inventory);
  const sockets = new SocketStore(left, log);
  const host = new Host({
    ...(meters ? { meters } : {}),
    config,
    log,
    inventory,
    seal,
    totals: new HostTotals(),
    hypervisor: openHypervisor({
      uri: config.libvirt_uri,
      acceleration: config.acceleration === 'auto' ? undefined : config.acceleration,
    }),
    network: new HostNetwork({ prefix: config.prefix }),
    // A guest's session tokens are as good after a restart of the agent as before.
    metadata: new MetadataServer({
      directory,
      log,
      tokenSecret: seal.derive('IMDSv2 session tokens'),
      keeper: sockets,
    }),
    pools: new Map(config.pool.map((pool) => [pool.name, openPool(poolConfig(pool))])),
    images: new ImageLibrary({
      path: folders(config).images,
      allowedPaths: config.image_paths,
      maxFileBytes: config.image_max_gb * 1e9,
      download: {
        answerTimeoutMs: config.image_server_timeout_seconds * 1000,
        idleTimeoutMs: config.image_server_timeout_seconds * 1000,
      },
    }),
  });
  await resumeServices(host);
  const kinds = new Map(OPERATIONS.map((kind) => [kind.definition.name, kind]));
  const queries = new Map(QUERIES.map((query) => [query.definition.name, query]));
  const engine = new OperationEngine(host, kinds, new JournalStore(inventory.database), boundary);
  const observer = new Observer(host, engine.locks);
  const lines = new GuestLines(host, directory);
  const keeper = new NetworkKeeper(host);
  const sampler = new PoolSampler(host);
  const agent = new Agent({ host, engine, log: await EventLog.open(inventory), kinds, queries });

  await host.images.open();
  // What belongs to an image in the inventory is wanted by the operation that will be carried on.
  await host.images.cleanUp(new Set(inventory.list('image').map(({ id }) => id)));
  await restoreNetworks(host);
  void sockets.forgetTheRest();
  await sampler.start(() => agent.capacityChanged());
  // Before anything is compared with the hypervisor: afterwards nobody knows who was running.
  const reboot = await Reboot.detect(inventory);
  observer.start(reboot.happened ? 'the host was rebooted' : undefined);
  lines.start();
  keeper.start();
  const meter = meters && new Meter(host, meters);
  meter?.start(config.metering.interval_seconds);
  const connection = connectPatiently(host);
  await connection.firstTry;
  await engine.resume();
  const cleared = clearDiscarded(host).catch((error) => log.error({ err: error }, 'pools were not cleared'));
  const compared = connection.reached.then(async () => {
    await observer.reconcile('start');
    await reboot.startAgain(host, agent);
  });
  compared.catch((error) => log.error({ err: error }, 'the comparison at start failed'));
  if (host.hypervisor.connected) await compared;
  void takeInventory(host);
  return {
    agent,
    host,
    async close() {
      await engine.drain(DRAIN_MS);
      host.halted = true;
      connection.stop();
      observer.stop();
      lines.stop();
      await keeper.stop();
      sampler.stop();
      await meter?.stop();
      await Promise.all([...host.pools.values()].map((pool) => pool.close()));
      await cleared;
      await host.metadata.close();
      await host.hypervisor.close();
      await meters?.close();
      await inventory.close();
    },
  };
}

async function openMeters(
  config: Config,
  log: Logger,
  { database }: Inventory,
): Promise<MeterStore | undefined> {
  const { metering } = config;
  if (!metering.enabled) return undefined;
  const bounds = { rounds: roundsOf(metering), bytes: metering.max_mib * 2 ** 20 };
  return await MeterStore.open(meteringPath(config), bounds, log, (path, options = {}) =>
    database.openBeside(path, options),
  );
}

/** QEMU's own user passes through the state folder to its disks; what is secret has its own mode. */
async function makeFolders(config: Config): Promise<void> {
  const all = folders(config);
  await mkdir(dirname(config.socket), { recursive: true });
  for (const folder of Object.values(all)) {
    await mkdir(folder, { recursive: true, mode: 0o711 });
    await chmod(folder, 0o711);
  }
  const qemu = await qemuUser();
  await chown(all.qmp, qemu, 0);
  await chmod(all.qmp, 0o700);
  await chmod(all.tty, 0o700);
}

/** QEMU makes its monitor socket itself, so its folder belongs to the user it runs as. */
async function qemuUser(): Promise<number> {
  const passwd = await readFile('/etc/passwd', 'utf8');
  for (const name of ['libvirt-qemu', 'qemu']) {
    const line = passwd.split('\n').find((one) => one.startsWith(`${name}:`));
    if (line) return Number(line.split(':')[2]);
  }
  return 0;
}

/** First of all: guests that asked while no agent ran are waiting. Their networks and rules outlived it. */
async function resumeServices({ inventory, config, metadata }: Host): Promise<void> {
  const vnets = inventory.list('vnet').filter(({ busy }) => busy !== 'destroying');
  await Promise.all(vnets.map((vnet) => metadata.resume(servedNetwork(config, vnet))));
}

/** Every bridge, namespace and rule is as the inventory says before any guest can be started. */
async function restoreNetworks(host: Host): Promise<void> {
  const { inventory, config, log } = host;
  // One that is being removed must not come back: its removal goes on from where it was.
  const vnets = inventory.list('vnet').filter(({ busy }) => busy !== 'destroying');
  const vnics = inventory.list('vnic');
  await host.network.restore(
    vnets.map((vnet) => vnetPlan(config, vnet, inventory)),
    vnics.map((vnic) => vnicPlan(config, inventory, vnic)),
  );
  const served = vnets.map(async (vnet) => {
    await host.metadata.add(servedNetwork(config, vnet)).catch((error) => {
      log.error({ err: error, vnet: vnet.id }, 'a VNet cannot be served');
    });
  });
  await Promise.all(served);
}
