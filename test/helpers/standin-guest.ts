// A network namespace in the place of a VServer's machine: on its tap's name, with its MAC and address.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import type { TestAgent } from './agent-process.ts';

const run = promisify(execFile);

interface Nic {
  vnetId: string;
  mac: string;
  device: string;
  ipv4Address: string;
}

export interface StandIn {
  namespace: string;
  /** Runs a command there; its output. Bytes for its standard input if given. */
  run(command: string, args: string[], input?: string | Buffer): Promise<string>;
}

let made = 0;

/** Where there is no hypervisor (test:///default), a namespace can be the guest, behind the same rules. */
export async function standInGuest(t: Test, agent: TestAgent, vserverId: string): Promise<StandIn> {
  const { vnics } = await agent.call<{ vnics: Nic[] }>('getVServerAttributes', { vserverId });
  const nic = vnics[0]!;
  const vnet = await agent.call<{
    bridge: string;
    mtu: number;
    ipv4: { gateway: string; prefixLength: number };
  }>('getVNetAttributes', { vnetId: nic.vnetId });
  const namespace = `iks${process.pid}-${made++}`;
  const ip = (...args: string[]) => run('ip', args);
  const inside = (...args: string[]) => ip('-n', namespace, ...args);
  await ip('netns', 'add', namespace);
  t.teardown(() => ip('netns', 'delete', namespace));
  await ip(
    'link',
    'add',
    nic.device,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'address',
    nic.mac,
    'netns',
    namespace,
  );
  await ip('link', 'set', nic.device, 'master', vnet.bridge, 'up');
  await inside('link', 'set', 'eth0', 'mtu', String(vnet.mtu), 'up');
  await inside('address', 'add', `${nic.ipv4Address}/${vnet.ipv4.prefixLength}`, 'dev', 'eth0');
  await inside('route', 'add', 'default', 'via', vnet.ipv4.gateway);
  return {
    namespace,
    async run(command, args, input) {
      const child = run('ip', ['netns', 'exec', namespace, command, ...args], { timeout: 60_000 });
      child.child.stdin?.end(input);
      return (await child).stdout;
    },
  };
}
