// Does the agent itself answer, and is it content?
import { type Check, fault, fine } from './check.ts';

export const agent: Check = {
  name: 'agent',
  async run({ config, agent }) {
    try {
      const { status, warnings, agentVersion } = JSON.parse(await agent.text('/healthz'));
      if (status === 'ok') return [fine(`the agent (${agentVersion}) answers on ${config.socket}`)];
      const found = `The agent says: ${(warnings as string[]).join(' ')}`;
      const means = 'What it cannot ask it cannot change; running VServers go on.';
      return [fault('agent-degraded', found, means, 'The other findings tell why.')];
    } catch (error) {
      const found = `Nobody answers on ${config.socket}: ${(error as Error).message}`;
      const means = 'Running VServers go on, but get no DHCP or metadata, and nothing can be changed.';
      const what = 'Start it (systemctl start innkeeper) and look at its log (journalctl -u innkeeper).';
      return [fault('agent-unreachable', found, means, what)];
    }
  },
};
