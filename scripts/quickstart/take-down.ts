// Takes a quickstart down again, from whatever state it is in, and looks for what is left of it on the host.
import { execFile } from 'node:child_process';
import { readdir, rm, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ApiClient } from '../../agent/cli/client.ts';
import { startAgent } from './host.ts';
import type { Place } from './place.ts';
import { runningPid, stopProcess } from './processes.ts';
import { until } from './wait.ts';

const run = promisify(execFile);

export async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

/** Destroys everything through the agent, ends both processes, removes the folder. Nothing there is success. */
export async function takeDown(place: Place): Promise<void> {
  if (await exists(place.configFile)) {
    // Only the agent knows what belongs to it: one that has ended is started once more to clear up.
    if ((await runningPid(place, 'agent')) === undefined) await startAgent(place);
    await destroyEverything(place);
  }
  await stopProcess(place, 'agent');
  await stopProcess(place, 'control-plane');
  await rm(place.dir, { recursive: true, force: true });
}

async function destroyEverything(place: Place): Promise<void> {
  const client = new ApiClient(place.socket);
  const list = async (method: string) => (await client.call(method)) as Record<string, string>[];
  const vservers = await until('the agent', 180, async () => {
    if ((await runningPid(place, 'agent')) === undefined) {
      throw new Error(`The agent does not start; see ${place.agentLog}`);
    }
    return await list('listVServer').catch(() => undefined);
  });
  await Promise.all(vservers.map(({ vserverId }) => client.call('destroyVServer', { vserverId })));
  for (const { vnetId } of await list('listVNet')) await client.call('destroyVNet', { vnetId });
  for (const { diskImageId } of await list('listDiskImage')) {
    await client.call('unregisterDiskImage', { imageId: diskImageId });
  }
}

/** Names of what is still on the host: links, namespaces, rule tables, domains, files. */
export async function leftovers(place: Place): Promise<string[]> {
  const { prefix } = place;
  const links = JSON.parse((await run('ip', ['-j', 'link'])).stdout) as { ifname: string }[];
  const namespaces = (await run('ip', ['netns', 'list'])).stdout.split('\n');
  const tables = (await run('nft', ['list', 'tables'])).stdout.split('\n');
  const domains = await readdir('/etc/libvirt/qemu');
  return [
    ...links.map(({ ifname }) => ifname).filter((name) => name.startsWith(prefix)),
    ...namespaces.filter((name) => name.startsWith(`${prefix}-`)),
    ...tables.filter((table) => table.split(' ').at(-1)?.startsWith(prefix)),
    ...domains.filter((file) => file.startsWith(`${prefix}-`)),
    ...((await exists(place.dir)) ? [place.dir] : []),
  ];
}
