// Tries many points, on a few agents side by side; an agent that failed a point is replaced by a new one.
import { join } from 'node:path';
import type { Test } from 'tap';
import { preparedAgent, type TestAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { writeIdleImage } from '../images/idle-image.ts';
import { type SystemLibvirtd, systemLibvirtd } from '../support/system-libvirtd.ts';

export interface Lane {
  agent: TestAgent;
  /** What is on the host before every point. */
  bare: string[];
  /** Its own, where the sweep asks for one. */
  libvirtd?: SystemLibvirtd;
}

export interface Sweep<P> {
  points: readonly P[];
  name(point: P): string;
  try(t: Test, lane: Lane, point: P): Promise<void>;
  /** What is one on the whole host: only the first lane tries these. */
  alone?(point: P): boolean;
  /** Each agent has a libvirtd of its own, to be killed. */
  ownLibvirtd?: true;
  /** Default: as many as `SWEEP_LANES` says, or two. */
  lanes?: number;
}

/** What one agent must do in this time, on a machine however busy. */
const LIMIT_MS = 240_000;

/** Tries every point once, and tells how many there were and how many failed. */
export async function runLanes<P>(t: Test, title: string, sweep: Sweep<P>): Promise<void> {
  const lanes = sweep.lanes ?? Number(process.env.SWEEP_LANES ?? 2);
  const waiting = [...sweep.points];
  const failed: string[] = [];
  await t.test(title, async (t) => {
    t.jobs = lanes;
    const all = [...Array(lanes).keys()].map((number) =>
      t.test(`lane ${number + 1}`, { buffered: true }, async (t) => {
        let lane: Lane | undefined;
        const next = () => {
          const index = waiting.findIndex((point) => number === 0 || !sweep.alone?.(point));
          return index < 0 ? undefined : waiting.splice(index, 1)[0];
        };
        for (let point = next(); point !== undefined; point = next()) {
          lane ??= await newLane(t, sweep.ownLibvirtd ?? false);
          if (await onePoint(t, lane, sweep, point)) continue;
          failed.push(sweep.name(point));
          await lane.agent.remove();
          lane = undefined;
        }
      }),
    );
    await Promise.all(all);
    t.same(failed, [], 'points that failed');
    t.comment(`points tried: ${sweep.points.length}, failures: ${failed.length}`);
    process.stderr.write(`${title}: points tried: ${sweep.points.length}, failures: ${failed.length}\n`);
  });
}

async function onePoint<P>(t: Test, lane: Lane, sweep: Sweep<P>, point: P): Promise<boolean> {
  const name = sweep.name(point);
  const begun = Date.now();
  let passed = false;
  await t.test(name, async (t) => {
    await inTime(name, sweep.try(t, lane, point));
    passed = t.passing();
  });
  // The lanes are told as a whole when they end: this is for who watches.
  // A comment: whoever keeps both streams in one file must not take it for a test of its own.
  process.stderr.write(`# ${passed ? 'ok' : 'FAILED'} ${name} (${Date.now() - begun} ms)\n`);
  if (!passed) process.stderr.write(`${lane.agent.log.slice(-6000)}\n`);
  return passed;
}

async function newLane(t: Test, ownLibvirtd: boolean): Promise<Lane> {
  const libvirtd = ownLibvirtd ? await systemLibvirtd(t) : undefined;
  const agent = await preparedAgent(t, {
    ...(libvirtd ? { libvirtUri: libvirtd.uri } : {}),
    config: {
      inet: { ipv4_ranges: ['198.18.255.128/25'] },
      vserver_type: [
        { name: 'tiny', vcpus: 1, memory_mib: 96 },
        { name: 'larger', vcpus: 1, memory_mib: 128 },
      ],
    },
  });
  await agent.start();
  await registeredImage(agent);
  const idle = join(agent.folder, 'idle.img');
  await writeIdleImage(idle);
  await agent.call('registerDiskImage', { name: 'idle', uri: `file://${idle}`, format: 'raw' });
  await agent.call('createVNet', { name: 'net', ipv4Subnet: '10.9.4.0/24' });
  return { agent, bare: await agent.leftovers(), ...(libvirtd ? { libvirtd } : {}) };
}

/** @throws if it takes longer than anything may, so that one that hangs is told by its name */
export async function inTime<T>(what: string, act: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  try {
    return await Promise.race([act, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The result, or the error as callers see it. */
export async function answerOf(agent: TestAgent, method: string, params: object) {
  try {
    return { result: await agent.call(method, params) };
  } catch (thrown) {
    const { code, message } = thrown as Error & { code?: string };
    return { error: { code, message } };
  }
}

/** Ids that exist only now. */
export async function filledIn(agent: TestAgent, params: object): Promise<object> {
  if ('vnicId' in params)
    return { ...params, vnicId: (await agent.call<{ vnicId: string }[]>('listVNIC'))[0]!.vnicId };
  if ('uri' in params && params.uri === 'the guest image') return { ...params, uri: agent.guestImageUri };
  return params;
}

/** Back to the images and the VNet that every scenario begins with. */
export async function clearAway(agent: TestAgent): Promise<void> {
  const names = async (method: string) =>
    (await agent.call<{ name: string }[]>(method)).map(({ name }) => name);
  for (const vserverId of await names('listVServer')) await agent.call('destroyVServer', { vserverId });
  for (const { publicIpId } of await agent.call<{ publicIpId: string }[]>('listPublicIP'))
    await agent.call('freePublicIP', { publicIpId });
  for (const vdiskId of await names('listVDisk')) await agent.call('destroyVDisk', { vdiskId });
  for (const vnetId of await names('listVNet'))
    if (vnetId !== 'net') await agent.call('destroyVNet', { vnetId });
  for (const imageId of await names('listDiskImage')) {
    if (imageId !== 'guest' && imageId !== 'idle') await agent.call('unregisterDiskImage', { imageId });
  }
}
