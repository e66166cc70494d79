// The example control plane, run as a reader would run it, with an agent linked to it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { connectControlPlane } from '../../agent/control-plane/link.ts';
import { FakeAgent } from '../helpers/fake-agent.ts';
import { silent } from '../helpers/local-api.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/control-plane/main.ts', import.meta.url));

t.test('the example greets, calls what is typed, and acknowledges what it printed', async (t) => {
  const env = { ...process.env, CONTROL_PLANE_TOKEN: 'let-me-in' };
  const child = spawn(process.execPath, [EXAMPLE, '--port', '0'], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill());
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    seen += chunk;
  });
  const until = async (wanted: RegExp) => {
    while (!wanted.test(seen)) await once(child.stdout, 'data');
    return wanted.exec(seen)?.[1] ?? '';
  };
  const url = await until(/(ws:\/\/127\.0\.0\.1:\d+)\n/);
  const agent = new FakeAgent();
  const link = connectControlPlane({
    url,
    name: 'example',
    right: 'operate',
    token: 'let-me-in',
    agent,
    log: silent,
  });
  t.teardown(() => link.close());
  await until(/fake {2}hello .*"hostId":"host-1"/);
  await until(/fake {2}capacity .*"freeMemoryMiB":1024/);
  child.stdin.write('createVServer {"name": "web", "type": "small", "imageId": "i", "vnics": []}\n');
  await until(/answer 1 {2}\{"vserverId":"vs-1"\}/);
  await until(/event 1 vserver\.created {2}.*"name":"web"/);
  child.stdin.write('fail {}\nnonsense [\n');
  await until(/refused 2 {2}\{"code":"forbidden"/);
  await until(/METHOD \[JSON OBJECT\]/);
  t.equal(agent.acknowledged('example'), 1);
});
