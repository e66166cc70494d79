// A guest without a network hands over its initial password on its second serial port; it is written nowhere.
import { constants, createHash, generateKeyPairSync, privateDecrypt, publicEncrypt } from 'node:crypto';
import t from 'tap';
import { type TestAgent, testAgent } from '../helpers/agent-process.ts';
import { filesWith } from '../helpers/files-with.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';
import { GuestShell } from '../helpers/guest-shell.ts';
import { eventsOf } from '../helpers/waiting.ts';

/** Says it until it is answered, as docs/metadata.md tells; so nothing is lost that was said while no agent ran. */
const speaker = (line: string) => ({
  name: 'speak.sh',
  content: Buffer.from(`stty -F /dev/ttyS1 raw -echo
exec 3<>/dev/ttyS1
until
  echo "${line}" >&3
  IFS= read -r -t 5 answer <&3
do :; done
echo "$answer"
`).toString('base64'),
});
const HEARD = { vserver_type: [{ name: 'heard', vcpus: 1, memory_mib: 96, second_serial: true }] };
const CREATED = { type: 'heard', imageId: 'guest', vnics: [] };
const SPEAK = 'sh /media/CONTEXT/speak.sh';
const REFUSED = 'INNKEEPER-REFUSED the initial password is set already';

async function inGuest(agent: TestAgent, vserver: string, command: string): Promise<string> {
  const shell = await GuestShell.open(agent, vserver);
  try {
    return await shell.run(command);
  } finally {
    shell.close();
  }
}

/** How often the guest was heard and refused there, as an operator is told. One that was not answered says it again. */
async function counted(agent: TestAgent, vserverId: string): Promise<Record<string, number>> {
  type Shown = { services: { service: string; counts: Record<string, number> }[] };
  const { services } = await agent.call<Shown>('getVServerAttributes', { vserverId });
  return services.find(({ service }) => service === 'serial')?.counts ?? {};
}

t.test('an initial password comes by the second serial port, once', async (t) => {
  const agent = await testAgent(t, { config: HEARD });
  await registeredImage(agent);
  const files = [speaker('INNKEEPER-INITIAL-PASSWORD $(base64 -w 0 </tmp/initial-password)')];
  const one = { vserverId: 'one' };
  await agent.call('createVServer', { ...CREATED, name: 'one', files });
  const report = await bootedGuest(agent, 'one');
  t.match(report.get('initial-password'), /^failed/, 'it has no network');
  await inGuest(agent, 'one', '(head -c 20000 /dev/urandom; echo; echo INNKEEPER-what) >/dev/ttyS1');
  await agent.kill();
  await agent.start();
  t.equal(await inGuest(agent, 'one', SPEAK), 'INNKEEPER-OK', 'to an agent that found it running');
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
  t.equal(await inGuest(agent, 'one', SPEAK), REFUSED, 'after a power cycle, too');
  const { stored, refused } = await counted(agent, 'one');
  t.equal(stored, 1);
  t.ok(refused! >= 1, 'an operator sees the refusals');
  t.match(await agent.call('getInitialPasswordVServer', one), { password }, 'the first one counts');
  const audit = (await eventsOf(agent)).filter(({ type }) => type.includes('password'));
  t.match(audit, [
    { type: 'vserver.initial-password', data: { how: 'clear' } },
    { type: 'vserver.initial-password-read' },
    { type: 'vserver.initial-password-read' },
  ]);
  t.same(await filesWith(agent.folder, password!), [], 'nowhere on the host');
});

t.test(
  'one that the guest encrypted is handed over as it came, and opened by the key of its creator',
  async (t) => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const secret = 'ünïcode "quoted"';
    const padding = constants.RSA_PKCS1_PADDING;
    // As cloudbase-init does it; the guest of the tests has no program for that.
    const encrypted = publicEncrypt({ key: publicKey, padding }, Buffer.from(secret)).toString('base64');
    const agent = await testAgent(t, { config: HEARD });
    await registeredImage(agent);
    const files = [
      speaker(`INNKEEPER-ENCRYPTED-PASSWORD ${encrypted}`),
      { ...speaker('INNKEEPER-ENCRYPTED-PASSWORD not base64'), name: 'wrong.sh' },
    ];
    await agent.call('createVServer', { ...CREATED, name: 'one', passwordKey: publicKey, files });
    await bootedGuest(agent, 'one');
    t.match(await inGuest(agent, 'one', 'sh /media/CONTEXT/wrong.sh'), /^INNKEEPER-REFUSED the line is none/);
    t.equal(await inGuest(agent, 'one', SPEAK), 'INNKEEPER-OK');
    t.equal(await inGuest(agent, 'one', SPEAK), REFUSED, 'once only');
    const { password, how } = await agent.call<Record<string, string>>('getInitialPasswordVServer', {
      vserverId: 'one',
    });
    t.match({ password, how }, { password: encrypted, how: 'encrypted' });
    const opened = privateDecrypt({ key: privateKey, padding }, Buffer.from(password!, 'base64'));
    t.equal(opened.toString(), secret);
    const { stored, refused, malformed } = await counted(agent, 'one');
    t.equal(stored, 1);
    t.ok(refused! >= 1 && malformed! >= 1, 'refusals are shown');
  },
);
