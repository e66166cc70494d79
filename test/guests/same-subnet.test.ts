// Two VNets with the same subnet: two guests with the same address, each with its own answers.
import { createHash } from 'node:crypto';
import t from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

t.test('two guests with one address on two VNets get different answers', async (t) => {
  const agent = await testAgent(t);
  await registeredImage(agent);
  const ask = async (name: string) => {
    await agent.call('createVNet', { name: `net-${name}`, ipv4Subnet: '10.0.0.0/24' });
    return agent.call<{ vserverId: string }>('createVServer', {
      name,
      type: 'tiny',
      imageId: 'guest',
      vnics: [{ vnetId: `net-${name}`, ipv4Address: '10.0.0.10' }],
      userData: Buffer.from(`data of ${name}`).toString('base64'),
    });
  };
  const [red, blue] = await Promise.all([ask('red'), ask('blue')]);
  const [redReport, blueReport] = await Promise.all([bootedGuest(agent, 'red'), bootedGuest(agent, 'blue')]);
  for (const report of [redReport, blueReport]) t.equal(report.get('address.0'), '10.0.0.10/24');
  t.equal(redReport.get('user-data-sha256'), sha256('data of red'));
  t.equal(blueReport.get('user-data-sha256'), sha256('data of blue'));
  t.equal(redReport.get('system-data.vserver-id'), red.vserverId);
  t.equal(blueReport.get('system-data.vserver-id'), blue.vserverId);
});
