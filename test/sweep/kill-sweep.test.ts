// The fault sweep: the agent is killed by SIGKILL at every boundary of every kind of operation. After a restart the
// same request has the same answer, nothing is lost and nothing is over. The points are found from the engine.
import t, { type Test } from 'tap';
import { OPERATIONS } from '../../agent/operations/kinds.ts';
import { preparedAgent, type TestAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { killPoints } from '../helpers/kill-points.ts';
import { SCENARIOS } from './scenarios.ts';

/** One kind only, where the environment names it. */
const only = process.env.SWEEP;
const kinds = OPERATIONS.map(({ definition }) => definition.name).filter(
  (name) => only === undefined || name === only,
);
let tried = 0;

t.test('every kind of operation has a scenario', async (t) => {
  t.same(
    kinds.filter((name) => !(name in SCENARIOS)),
    [],
  );
});

t.test('an agent killed anywhere ends what it began', async (t) => {
  const agent = await preparedAgent(t, {
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
  await agent.call('createVNet', { name: 'net', ipv4Subnet: '10.9.4.0/24' });
  const bare = await agent.leftovers();
  for (const kind of kinds) {
    for (const point of killPoints(kind)) {
      tried++;
      await t.test(point, (t) => onePoint(t, agent, kind, point, bare));
    }
  }
  t.comment(`kill points tried: ${tried}, failures: ${t.counts.fail}`);
});

async function onePoint(t: Test, agent: TestAgent, kind: string, point: string, bare: string[]) {
  const scenario = SCENARIOS[kind]!;
  await scenario.before?.(agent);
  const params = { ...(await filledIn(agent, scenario.params)), requestId: point.replaceAll(' ', '-') };
  await agent.crashAt(point);
  await agent.call(kind, params).catch(() => undefined);
  await agent.died();
  await agent.start();
  const result = await agent.call(kind, params);
  t.same(await agent.call(kind, params), result, 'the same answer');
  await scenario.after(agent, t, result);
  await clearAway(agent);
  t.same(await agent.leftovers(), bare, 'nothing over');
}

/** Ids that exist only now. */
async function filledIn(agent: TestAgent, params: object): Promise<object> {
  if ('vnicId' in params)
    return { ...params, vnicId: (await agent.call<{ vnicId: string }[]>('listVNIC'))[0]!.vnicId };
  if ('uri' in params) return { ...params, uri: agent.guestImageUri };
  return params;
}

/** Back to the image and the VNet that every scenario begins with. */
async function clearAway(agent: TestAgent): Promise<void> {
  const names = async (method: string) =>
    (await agent.call<{ name: string }[]>(method)).map(({ name }) => name);
  for (const vserverId of await names('listVServer')) await agent.call('destroyVServer', { vserverId });
  for (const { publicIpId } of await agent.call<{ publicIpId: string }[]>('listPublicIP'))
    await agent.call('freePublicIP', { publicIpId });
  for (const vdiskId of await names('listVDisk')) await agent.call('destroyVDisk', { vdiskId });
  for (const vnetId of await names('listVNet'))
    if (vnetId !== 'net') await agent.call('destroyVNet', { vnetId });
  for (const imageId of await names('listDiskImage')) {
    if (imageId !== 'guest') await agent.call('unregisterDiskImage', { imageId });
  }
}
