// Benchmark: a VNet more on a host that serves a hundred already, for IPv4 alone and for both; and what each takes.
import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GATEWAY_DEVICE, HostNetwork, type VNetPlan, vnetNames } from '../agent/network/mod.ts';
import { MetadataServer, type ServedNetwork } from '../metadata-server/mod.ts';
import type { Session } from './lib/benchmark.ts';

const PRESENT = 100;
/** What the process compiles and keeps for itself when it makes the first ones is not memory of a VNet. */
const WARM = 20;
const PREFIX = 'ikbn';

export const name = 'vnets';
export const rounds = 7;
/** Removal is not counted. */
export const measured = true;

interface Both {
  plan: VNetPlan;
  served: ServedNetwork;
}

/** Number `at`, all with the same subnet: that is what namespaces are for. */
function vnet(at: number, ipv6: boolean): Both {
  const id = `vnet-${at.toString(16).padStart(8, '0')}`;
  const names = vnetNames(PREFIX, id);
  const six = ipv6 ? { ipv6: { gateway: 'fd12::1', prefixLength: 64 } } : {};
  const served6 = ipv6 ? { ipv6: { address: 'fd12::1', prefixLength: 64 } } : {};
  const four = { gateway: '10.0.0.1', prefixLength: 24 };
  return {
    plan: { id, ...names, mtu: 1500, ipv4: four, ...six, transport: { type: 'local' } },
    served: {
      ...{ vnetId: id, namespace: names.namespace, device: GATEWAY_DEVICE, mtu: 1500, leaseSeconds: 3600 },
      ...{ ipv4: { address: four.gateway, prefixLength: 24 }, ...served6 },
    },
  };
}

/**
 * Resident memory of this process, in kB, after a collection of garbage that gives free pages back: how far the heap
 * happens to have been stretched is no memory of a VNet.
 */
async function memory(): Promise<number> {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')({ execution: 'sync', flavor: 'last-resort' });
  const status = await readFile('/proc/self/status', 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
}

/** Makes the hundred, tells what they took, and leaves them there while single ones come and go. */
export async function prepare(): Promise<Session> {
  const nobody = { byMac: () => undefined, byAddress: () => undefined, encryptedPassword: () => undefined };
  const directory = { ...nobody, storeInitialPassword: async () => 'already' as const };
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const network = new HostNetwork({ prefix: PREFIX });
  const server = new MetadataServer({ directory, log });
  const made: Both[] = [];
  const make = async (one: Both) => {
    made.push(one);
    await network.ensureVNet(one.plan);
    await server.add(one.served);
  };
  const drop = async ({ plan, served }: Both) => {
    await server.remove(served.vnetId);
    await network.removeVNet(plan);
  };
  const close = async () => {
    for (const one of made) await drop(one);
    await server.close();
  };
  try {
    for (let at = 0; at < WARM; at++) await make(vnet(at, at % 2 === 0));
    const before = await memory();
    for (let at = WARM; at < PRESENT; at++) await make(vnet(at, at % 2 === 0));
    const each = ((await memory()) - before) / (PRESENT - WARM);
    process.stdout.write(
      `${server.networks.length} VNets are served, with ${Math.round(each)} kB of this process for each further one\n`,
    );
  } catch (error) {
    await close();
    throw error;
  }
  const create = (ipv6: boolean) => async () => {
    const one = vnet(PRESENT + 1, ipv6);
    const begin = performance.now();
    await make(one);
    const took = performance.now() - begin;
    made.pop();
    await drop(one);
    return took;
  };
  return { cases: { ipv4: create(false), ipv4_and_ipv6: create(true) }, close };
}

/** IPv6 beside IPv4, in parts of IPv4 alone. */
export function ratios(medians: Record<string, number>): Record<string, number> {
  return { both_vs_ipv4: (medians.ipv4_and_ipv6 ?? Number.NaN) / (medians.ipv4 ?? Number.NaN) };
}
