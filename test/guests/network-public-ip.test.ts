// A real guest gets a public address while it runs: reached and seen by it, and told of it.
import t from 'tap';
import { eventually } from '../helpers/agent-guest.ts';
import { preparedAgent } from '../helpers/agent-process.ts';
import { bootedGuest, registeredImage, typed } from '../helpers/guest-console.ts';
import { provider } from '../helpers/provider.ts';
import { sh } from '../helpers/wires.ts';

const own = process.pid % 250;

t.test('a running guest is given a public address, and keeps it through a power cycle', async (t) => {
  const agent = await preparedAgent(t);
  const outside = await provider(t, agent.prefix, own);
  const inet = {
    bridge: outside.bridge,
    ipv4_ranges: [`198.19.${own}.16/28`],
    ipv4_gateway: outside.ipv4,
  };
  agent.configure({ inet });
  await agent.start();
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'lan', ipv4Subnet: '10.0.0.0/24' });
  const vserver = { name: 'one', type: 'tiny', imageId: 'guest', vnics: [{ vnetId: 'lan' }] };
  await agent.call('createVServer', vserver);
  const [{ vnicId }] = await agent.call<[{ vnicId: string }]>('listVNIC');
  const { address } = await agent.call<{ address: string }>('allocatePublicIP');
  const pings = () =>
    sh('ip', 'netns', 'exec', outside.router, 'ping', '-c', '1', '-W', '2', address).then(
      () => true,
      () => false,
    );
  await bootedGuest(agent, 'one');
  t.notOk(await pings());
  await agent.call('attachPublicIP', { publicIpId: address, vnicId });
  await eventually('the guest is reached', pings);
  const fetch = (url: string) => `timeout 20 wget -q -O - http://${url}; echo`;
  const seen = new RegExp(`router ${address.replaceAll('.', '\\.')}`);
  await typed(agent, 'one', fetch(`${outside.ipv4}:8000/`), seen);
  const told = new RegExp(`^${address.replaceAll('.', '\\.')}\\s`, 'm');
  await typed(agent, 'one', fetch('169.254.169.254/latest/meta-data/public-ipv4'), told);
  t.pass('seen under its public address, and told of it');
  await agent.call('powerResetVServer', { vserverId: 'one' });
  await eventually('it is reached again', pings, 300_000);
  await agent.call('destroyVServer', { vserverId: 'one' });
  t.match(await agent.call('listPublicIP'), [{ address, state: 'unattached' }]);
  t.notOk(await pings());
});
