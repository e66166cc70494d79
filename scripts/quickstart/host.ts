// Brings up the quickstart's agent and control plane, and waits until they have found each other.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ApiClient } from '../../agent/cli/client.ts';
import { configuration, type Place } from './place.ts';
import { runningPid, startProcess } from './processes.ts';
import { type Capacity, latestCapacity } from './record.ts';
import { until } from './wait.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

interface HostAnswer {
  connected: boolean;
  facts?: { hypervisor: string; hypervisorVersion: string; libvirtVersion: string; emulated?: string };
  warnings: string[];
}

export interface RunningHost {
  client: ApiClient;
  host: Required<HostAnswer>;
  capacity: Capacity;
}

/** Starts both from nothing. @throws Error with the end of the agent's log */
export async function startHost(place: Place, image: string): Promise<RunningHost> {
  await rm(place.dir, { recursive: true, force: true });
  // Others may pass through: QEMU runs as a user of its own.
  await mkdir(place.dir, { recursive: true, mode: 0o711 });
  const controlPlane = fileURLToPath(new URL('./control-plane.ts', import.meta.url));
  const command: [string, ...string[]] = [process.execPath, controlPlane, place.record];
  await startProcess(place, 'control-plane', command, place.controlPlaneLog);
  const port = await until('the control plane', 60, async () => {
    return /^listening (\d+)$/m.exec(await readFile(place.controlPlaneLog, 'utf8'))?.[1];
  });
  await writeFile(place.configFile, configuration(place, `ws://127.0.0.1:${port}/`, image));
  await startAgent(place);

  const client = new ApiClient(place.socket);
  try {
    const host = await until('the agent', 180, () => agentReady(place, client));
    const capacity = await until('a capacity report', 60, async () => {
      const latest = await latestCapacity(place.record);
      return latest?.connected ? latest : undefined;
    });
    return { client, host, capacity };
  } catch (error) {
    const log = await readFile(place.agentLog, 'utf8').catch(() => '');
    const tail = log.trimEnd().split('\n').slice(-10).join('\n');
    throw new Error(`${(error as Error).message}; the log of the agent ends with:\n${tail}`, {
      cause: error,
    });
  }
}

/** Starts the agent alone, with the configuration that is there. */
export async function startAgent(place: Place): Promise<void> {
  const command: [string, ...string[]] = [`${root}bin/innkeeper`, 'agent', '--config', place.configFile];
  await startProcess(place, 'agent', command, place.agentLog);
}

/** The host's facts once the agent answers and has the hypervisor; undefined before. */
async function agentReady(place: Place, client: ApiClient): Promise<Required<HostAnswer> | undefined> {
  const answer = (await client.call('getHost').catch(() => undefined)) as HostAnswer | undefined;
  if (answer?.connected && answer.facts) return answer as Required<HostAnswer>;
  if ((await runningPid(place, 'agent')) === undefined) throw new Error('the agent has ended');
  return undefined;
}
