// A guest without a network hands over its initial password on its second serial port; it is written nowhere.
import { createHash } from 'node:crypto';
import t from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { filesWith } from '../helpers/files-with.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';
import { GuestShell } from '../helpers/guest-shell.ts';
import { eventsOf } from '../helpers/waiting.ts';

/** Says it until it is answered, as docs/metadata.md tells; so nothing is lost that was said while no agent ran. */
const SPEAKER = `stty -F /dev/ttyS1 raw -echo
exec 3<>/dev/ttyS1
until
  echo "INNKEEPER-INITIAL-PASSWORD $(base64 -w 0 </tmp/initial-password)" >&3
  IFS= read -r -t 5 answer <&3
do :; done
echo "$answer"
`;

t.test('an initial password comes by the second serial port, once', async (t) => {
  const type = { name: 'heard', vcpus: 1, memory_mib: 96, second_serial: true };
  const agent = await testAgent(t, { config: { vserver_type: [type] } });
  await registeredImage(agent);
  const files = [{ name: 'speak.sh', content: Buffer.from(SPEAKER).toString('base64') }];
  const one = { vserverId: 'one' };
  await agent.call('createVServer', { name: 'one', type: 'heard', imageId: 'guest', vnics: [], files });
  const report = await bootedGuest(agent, 'one');
  t.match(report.get('initial-password'), /^failed/, 'it has no network');
  const inGuest = async (command: string) => {
    const shell = await GuestShell.open(agent, 'one');
    try {
      return await shell.run(command);
    } finally {
      shell.close();
    }
  };
  await inGuest('(head -c 20000 /dev/urandom; echo; echo INNKEEPER-what) >/dev/ttyS1');
  await agent.kill();
  await agent.start();
  t.equal(await inGuest('sh /media/CONTEXT/speak.sh'), 'INNKEEPER-OK', 'to an agent that found it running');
  const { password, how } = await agent.call<Record<string, string>>('getInitialPasswordVServer', one);
  t.equal(how, 'clear');
  t.equal(
    createHash('sha256').update(password!).digest('hex'),
    report.get('initial-password-sha256'),
    'as the guest made it',
  );

  await agent.call('powerOffVServer', one);
  await agent.call('powerOnVServer', one);
  await agent.call('startVServer', one);
  await bootedGuest(agent, 'one');
  const refused = 'INNKEEPER-REFUSED the initial password is set already';
  t.equal(await inGuest('sh /media/CONTEXT/speak.sh'), refused, 'after a power cycle, too');
  t.match(await agent.call('getInitialPasswordVServer', one), { password }, 'the first one counts');
  const audit = (await eventsOf(agent)).filter(({ type }) => type.includes('password'));
  t.match(audit, [
    { type: 'vserver.initial-password', data: { how: 'clear' } },
    { type: 'vserver.initial-password-read' },
    { type: 'vserver.initial-password-read' },
  ]);
  t.same(await filesWith(agent.folder, password!), [], 'nowhere on the host');
});
