// Do DHCP and the metadata service answer on every VNet? Asked from inside its namespace, as a guest would.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentQuestions, type Check, type CheckContext, type Finding, fault, fine } from './check.ts';

const PROBE = new URL('./guest-probe.ts', import.meta.url).pathname;
/** Most VNets that are probed; on a large host that is enough to know whether the services live. */
const MOST = 8;
const COUNTED_WITHIN_MS = 2000;
const REPAIR =
  'Restart the agent (systemctl restart innkeeper); if it stays so, look for filter rules in that namespace.';

interface Wanted {
  vnetId: string;
  name: string;
  namespace: string;
  ipv4?: { gateway?: string; network: string };
}

export const guestServices: Check = {
  name: 'guest-services',
  async run({ agent, senses }) {
    const vnets = ((await agent.call('listVNet')) as Wanted[]).filter(({ ipv4 }) => ipv4).slice(0, MOST);
    const found = (await Promise.all(vnets.map((vnet) => probe(vnet, agent, senses)))).flat();
    return found.length > 0 ? found : [fine(`DHCP and metadata answer on ${vnets.length} VNets`)];
  },
};

async function probe(
  vnet: Wanted,
  agent: AgentQuestions,
  senses: CheckContext['senses'],
): Promise<Omit<Finding, 'check'>[]> {
  const where = `On the VNet ${vnet.name} (namespace ${vnet.namespace})`;
  // Locally administered, so that it is nobody's.
  const mac = Buffer.concat([Buffer.from([0x02]), randomBytes(5)]);
  const text = mac.toString('hex').replace(/(..)(?=.)/g, '$1:');
  const before = await counted(agent, vnet.vnetId);
  let seen: { address: boolean; dhcp: boolean; metadata: string };
  try {
    const gateway = vnet.ipv4?.gateway ?? '169.254.169.254';
    const args = ['netns', 'exec', vnet.namespace, process.execPath, PROBE, gateway, text];
    seen = JSON.parse(await senses.run('ip', args));
  } catch (error) {
    const why = `${where} nothing can be run: ${(error as Error).message.split('\n')[0]}`;
    return [fault('namespace-unusable', why, 'Its guests get no address and no configuration.', REPAIR)];
  }
  const found: Omit<Finding, 'check'>[] = [];
  if (!seen.address) {
    const means = 'Guests cannot fetch their configuration.';
    found.push(fault('metadata-address-missing', `${where} nobody has 169.254.169.254.`, means, REPAIR));
  } else if (seen.metadata !== 'answered' && seen.metadata !== 'hung up') {
    const means = 'Guests cannot fetch their configuration.';
    found.push(fault('metadata-silent', `${where} the metadata service is ${seen.metadata}.`, means, REPAIR));
  }
  if (!seen.dhcp || !(await countedMore(agent, vnet.vnetId, before))) {
    const means = 'Guests that boot get no address.';
    found.push(fault('dhcp-silent', `${where} a DHCP request does not reach the agent.`, means, REPAIR));
  }
  return found;
}

/** DHCP messages that the agent has had on a VNet. */
async function counted(agent: AgentQuestions, vnetId: string): Promise<number> {
  const metrics = await agent.text('/metrics');
  const lines = metrics.matchAll(
    /^innkeeper_dhcp4_messages_total\{vnet="([^"]+)".*event="discover"\} (\d+)$/gm,
  );
  return [...lines].reduce((sum, [, vnet, count]) => sum + (vnet === vnetId ? Number(count) : 0), 0);
}

async function countedMore(agent: AgentQuestions, vnetId: string, before: number): Promise<boolean> {
  for (const end = Date.now() + COUNTED_WITHIN_MS; Date.now() < end; await sleep(50)) {
    if ((await counted(agent, vnetId)) > before) return true;
  }
  return false;
}
