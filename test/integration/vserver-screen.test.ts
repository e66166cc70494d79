// The screen of a VServer: a VNC socket where its type asks for graphics, and a clear word where it does not.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';

const COMMAND = new URL('../../bin/innkeeper', import.meta.url).pathname;

t.test('a VServer has a screen if its type has graphics', async (t) => {
  const agent = await testAgent(t, {
    config: {
      vserver_type: [
        { name: 'blind', vcpus: 1, memory_mib: 64 },
        { name: 'seen', vcpus: 1, memory_mib: 64, graphics: true },
      ],
    },
  });
  await registeredImage(agent);
  const common = { imageId: 'guest', vnics: [], context: ['nocloud'] };
  await agent.call('createVServer', { ...common, name: 'blind', type: 'blind' });
  const refused = agent.call('getVServerScreen', { vserverId: 'blind' });
  await t.rejects(refused, { code: 'unsupported', message: /type blind had no graphics.*innkeeper console/ });
  await agent.call('powerOffVServer', { vserverId: 'blind' });

  await agent.call('createVServer', { ...common, name: 'seen', type: 'seen' });
  const { stdout } = await promisify(execFile)(COMMAND, ['--socket', agent.socket, 'screen', 'seen']);
  const [, socket = ''] =
    /^VNC on (\S+)\n {2}vncviewer \S+\n {2}remote-viewer vnc\+unix:\S+\n/.exec(stdout) ?? [];
  const viewer = connect(socket);
  t.teardown(() => viewer.destroy());
  // RFC 6143, section 7.1.1: the server speaks first.
  t.match(String((await once(viewer, 'data'))[0]), /^RFB 003\./);
  t.equal((await stat(dirname(socket))).mode & 0o077, 0, 'nobody else can reach it');
  viewer.destroy();

  await agent.call('powerOffVServer', { vserverId: 'seen' });
  await t.rejects(agent.call('getVServerScreen', { vserverId: 'seen' }), { code: 'wrong-state' });
  await agent.call('destroyVServer', { vserverId: 'seen' });
  await t.rejects(stat(socket), { code: 'ENOENT' });
});
