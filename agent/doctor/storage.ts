// Are the storage pools there, and is there room, for VDisks and for the agent's own state?
import { type Check, type CheckContext, type Finding, fault, fine, warning } from './check.ts';

const GIB = 2 ** 30;
/** Below this the agent's journal and inventory are in danger. */
const STATE_FLOOR_BYTES = 256 * 2 ** 20;

interface Room {
  name: string;
  totalBytes: number;
  freeBytes: number;
  unavailable?: string;
}

export const storage: Check = {
  name: 'storage',
  async run({ config, agent, senses }) {
    const found: Omit<Finding, 'check'>[] = [];
    for (const pool of config.pool) {
      if (!('path' in pool) || typeof pool.path !== 'string') continue;
      await senses.space(pool.path).catch((error: Error) => {
        const means = 'VServers whose disks are there cannot start, and none can be made.';
        const what = `Mount or make it, readable by root: ${error.message}`;
        found.push(fault('pool-missing', `The pool ${pool.name} is not at ${pool.path}.`, means, what));
      });
    }
    const { pools } = (await agent.call('getCapacity')) as { pools: Room[] };
    for (const pool of pools) found.push(...room(pool));
    found.push(...(await state(config.state_dir, senses)));
    return found.length > 0 ? found : [fine(`${pools.length} storage pools answer and have room`)];
  },
};

function room({ name, totalBytes, freeBytes, unavailable }: Room): Omit<Finding, 'check'>[] {
  if (unavailable) {
    const means = 'VServers whose disks are there may hang, and none can be made.';
    const what = 'See to its mount or device; the agent notices by itself when it is back.';
    return [fault('pool-unavailable', `The pool ${name} does not answer: ${unavailable}`, means, what)];
  }
  if (totalBytes === 0 || freeBytes / totalBytes >= 0.05) return [];
  const found = `The pool ${name} has ${(freeBytes / GIB).toFixed(1)} GiB left.`;
  const means = 'VDisks that grow into it will stop their guests.';
  return [warning('pool-nearly-full', found, means, 'Destroy unused VDisks and images, or enlarge it.')];
}

async function state(folder: string, senses: CheckContext['senses']): Promise<Omit<Finding, 'check'>[]> {
  const { freeBytes } = await senses.space(folder);
  if (freeBytes >= STATE_FLOOR_BYTES) return [];
  const found = `The file system of ${folder} has ${Math.floor(freeBytes / 2 ** 20)} MiB left.`;
  const means = 'When it is full, every change is refused, because it could not be written down first.';
  return [fault('state-disk-full', found, means, 'Make room there; 256 MiB is the least.')];
}
