// kill -9 of the agent at every step boundary of createVServer and destroyVServer: exactly one VServer or none,
// the same answer for the same request, and nothing over.
import t from 'tap';
import { preparedAgent, type TestAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { killPoints } from '../helpers/kill-points.ts';

const WANTED = { name: 'one', type: 'tiny', imageId: 'guest', vnics: [{ vnetId: 'net' }] };

/** Asks, is cut off by the agent's death, starts the agent again and asks the same. */
async function askAcrossDeath(agent: TestAgent, point: string, method: string, params: object) {
  const requestId = point.replaceAll(' ', '-');
  await agent.start(point);
  await agent.call(method, { ...params, requestId }).catch(() => undefined);
  await agent.died();
  await agent.start();
  return agent.call<{ vserverId: string; state?: string }>(method, { ...params, requestId });
}

t.test('an agent killed anywhere in createVServer or destroyVServer ends what it began', async (t) => {
  const agent = await preparedAgent(t);
  await agent.start();
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'net', ipv4Subnet: '10.9.1.0/24' });
  const bare = await agent.leftovers();
  await agent.stop();
  let tried = 0;

  for (const point of killPoints('createVServer')) {
    const created = await askAcrossDeath(agent, point, 'createVServer', WANTED);
    tried++;
    const all = await agent.call<{ vserverId: string; state: string }[]>('listVServer');
    t.match(all, [{ vserverId: created.vserverId, state: 'running' }], `${point}: one VServer, running`);
    t.equal(all.length, 1);
    await agent.call('destroyVServer', { vserverId: created.vserverId });
    t.same(await agent.leftovers(), bare, `${point}: nothing over`);
    await agent.stop();
  }

  for (const point of killPoints('destroyVServer')) {
    await agent.start();
    const { vserverId } = await agent.call<{ vserverId: string }>('createVServer', WANTED);
    await agent.stop();
    const gone = await askAcrossDeath(agent, point, 'destroyVServer', { vserverId });
    tried++;
    t.same(gone, { vserverId }, `${point}: the same answer`);
    t.same(await agent.call('listVServer'), [], `${point}: no VServer`);
    t.same(await agent.leftovers(), bare, `${point}: nothing over`);
    await agent.stop();
  }
  t.comment(`kill points tried: ${tried}`);
});
