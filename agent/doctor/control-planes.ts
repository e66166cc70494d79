// Can the control planes be reached from here?
import { connect } from 'node:net';
import { type Check, fault, fine } from './check.ts';

const PATIENCE_MS = 5000;

export const controlPlanes: Check = {
  name: 'control-planes',
  async run({ config }) {
    const found = await Promise.all(
      config.control_plane.map(async ({ name, url }) => {
        const { hostname, port, protocol } = new URL(url);
        const to = Number(port || (protocol === 'wss:' ? 443 : 80));
        const why = await refusal(hostname.replace(/^\[|\]$/g, ''), to);
        if (why === undefined) return [];
        const means = 'It cannot see or direct this host; events are kept until it is back.';
        const what = 'Check its address, name resolution, and the firewalls in between.';
        return [fault('control-plane-unreachable', `${name} (${hostname}, port ${to}): ${why}`, means, what)];
      }),
    );
    const all = found.flat();
    return all.length > 0 ? all : [fine(`${config.control_plane.length} control planes can be reached`)];
  },
};

function refusal(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (why: string | undefined) => {
      socket.destroy();
      resolve(why);
    };
    socket.setTimeout(PATIENCE_MS, () => end('no answer'));
    socket.once('connect', () => end(undefined));
    socket.once('error', (error) => end(error.message));
  });
}
