// What every topic has at hand inside the KVM host: steps that become test points, the agent, shells of guests.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ApiClient, DEFAULT_SOCKET } from '../../../agent/cli/client.ts';

const execute = promisify(execFile);

export const client = new ApiClient(DEFAULT_SOCKET);

export interface Vnic {
  vnicId: string;
  vnetId: string;
  mac: string;
  device: string;
  ipv4Address: string;
}

export interface VServer {
  vserverId: string;
  state: string;
  power: string;
  reason: string;
  placement?: { numaNode: number; hugepageKiB?: number; cpus?: number[] };
  vnics: Vnic[];
  vdiskIds: string[];
}

/** Calls a method of the agent by its local API. */
export async function call<T = Record<string, unknown>>(method: string, params: object = {}): Promise<T> {
  return (await client.call(method, params)) as T;
}

/** As `call`, asked again: an emulated host that is busy outlasts limits of the product that no real one comes near. */
export async function callPatiently<T>(method: string, params: object): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call<T>(method, params);
    } catch (error) {
      if (tries === 4 || !/took longer than \d+ ms/.test(String(error))) throw error;
      console.log(`# ${method}: ${(error as Error).message} Asked again.`);
    }
  }
}

/** The `innkeeper` command; its standard output. @throws with what it said */
export async function innkeeper(...args: string[]): Promise<string> {
  return (await execute('innkeeper', args)).stdout;
}

/** A shell script; its standard output. */
export async function shell(text: string): Promise<string> {
  return (await execute('bash', ['-euc', text], { maxBuffer: 2 ** 26 })).stdout.trim();
}

/** One test point. Later steps are tried even if this one fails. */
export async function step(name: string, task: () => Promise<void>): Promise<void> {
  const start = performance.now();
  try {
    await task();
    console.log(`ok - ${name} (${Math.round((performance.now() - start) / 100) / 10} s)`);
  } catch (error) {
    console.log(`not ok - ${name}`);
    const text =
      error instanceof Error
        ? `${error.stack}\n${String((error as { stderr?: string }).stderr ?? '')}`
        : String(error);
    console.log(
      [
        '  ---',
        '  output: |',
        ...text
          .trim()
          .split('\n')
          .map((line) => `    ${line}`),
        '  ...',
      ].join('\n'),
    );
  }
}

/** Waits until `ask` answers with something. @throws naming what did not come */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, seconds = 240): Promise<T> {
  for (const end = performance.now() + seconds * 1000; ; ) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`${what} did not come within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** The process id of a VServer's machine, from libvirt. */
export async function machinePid(vserverId: string): Promise<number> {
  return Number(await shell(`cat /run/libvirt/qemu/ik-${vserverId}.pid`));
}

export interface StoredEvent {
  seq: number;
  type: string;
  time: string;
  ids: { vserver?: string };
  data: { state?: string; reason?: string };
}

/** The events after `seq` that there are now. */
export async function eventsAfter(seq: number): Promise<StoredEvent[]> {
  const found: StoredEvent[] = [];
  for await (const event of await client.stream(`/v1/events?follow=false&after=${seq}`)) {
    found.push(event as StoredEvent);
  }
  return found;
}
