// The configuration service of a real agent: initial passwords kept from everyone else, sessions, what `show` tells.
import { execFile } from 'node:child_process';
import { constants, generateKeyPairSync, privateDecrypt, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { filesWith } from '../helpers/files-with.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { type StandIn, standInGuest } from '../helpers/standin-guest.ts';

const run = promisify(execFile);
const command = new URL('../../bin/innkeeper', import.meta.url).pathname;
const METADATA = 'http://169.254.169.254';

/** Status and body of one request. */
async function ask(guest: StandIn, path: string, args: string[] = [], input?: string) {
  const answer = await guest.run(
    'curl',
    ['-sS', '--max-time', '20', '-w', '\n%{http_code}', ...args, METADATA + path],
    input,
  );
  const end = answer.lastIndexOf('\n');
  return { status: Number(answer.slice(end + 1)), body: answer.slice(0, end) };
}

async function agentWithGuests(
  t: Test,
  guests: Record<string, object>,
  config: Record<string, unknown> = {},
) {
  const agent = await testAgent(t, { libvirtUri: 'test:///default', config });
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'lan', ipv4Subnet: '10.9.7.0/24' });
  const made: StandIn[] = [];
  for (const [name, extra] of Object.entries(guests)) {
    await agent.call('createVServer', {
      name,
      type: 'tiny',
      imageId: 'guest',
      vnics: [{ vnetId: 'lan' }],
      ...extra,
    });
    made.push(await standInGuest(t, agent, name));
  }
  return { agent, guests: made };
}

t.test('an initial password is taken once and is nowhere to be found in clear', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const { agent, guests } = await agentWithGuests(t, { sealing: {}, encrypting: { passwordKey: publicKey } });
  const [sealing, encrypting] = guests as [StandIn, StandIn];
  const [clear, secret] = [randomBytes(18).toString('hex'), randomBytes(18).toString('hex')];
  const put = ['-X', 'PUT', '--data-binary', '@-'];
  t.equal((await ask(sealing, '/system-data/initial-password', put, clear)).status, 200);
  t.equal((await ask(sealing, '/system-data/initial-password', put, 'another')).status, 409, 'a second one');
  t.equal(
    (await ask(sealing, '/openstack/2013-04-04/password', ['--data-binary', 'YW5vdGhlcg=='])).status,
    409,
  );
  t.match(
    await ask(sealing, '/openstack/2013-04-04/password'),
    { status: 200, body: '' },
    'clear ones are not shown',
  );

  const offered = await ask(encrypting, '/system-data/password-key');
  t.equal(offered.body.trim(), publicKey.trim(), 'the guest is offered the key of its creator');
  const keyFile = join(t.testdir({ 'key.pem': offered.body }), 'key.pem');
  const encrypt = `printf %s ${secret} | openssl pkeyutl -encrypt -pubin -inkey ${keyFile} | openssl base64 -A`;
  const posted = (await run('sh', ['-c', encrypt])).stdout;
  const post = ['-X', 'POST', '--data-binary', '@-'];
  t.equal((await ask(encrypting, '/openstack/2013-04-04/password', post, posted)).status, 200);
  t.equal((await ask(encrypting, '/openstack/2013-04-04/password', post, posted)).status, 409, 'once only');
  t.equal((await ask(encrypting, '/openstack/2013-04-04/password')).body, posted, 'shown as it came');

  const fromSealing = await agent.call('getInitialPasswordVServer', { vserverId: 'sealing' });
  t.match(fromSealing, { password: clear, how: 'clear' });
  const fromEncrypting = await agent.call<{ password: string }>('getInitialPasswordVServer', {
    vserverId: 'encrypting',
  });
  t.match(fromEncrypting, { password: posted, how: 'encrypted' }, 'returned as it came');
  const padding = constants.RSA_PKCS1_PADDING;
  const decrypted = privateDecrypt(
    { key: privateKey, padding },
    Buffer.from(fromEncrypting.password, 'base64'),
  );
  t.equal(decrypted.toString(), secret, 'the key of its creator opens it');

  t.ok(
    (await filesWith(agent.folder, 'serving a VNet')).includes('agent.log'),
    'the search finds what is there',
  );
  t.ok((await filesWith(agent.folder, 'encrypting')).some((name) => name.startsWith('inventory.db')));
  const bundle = join(agent.folder, 'bundle.tar.gz');
  const doctor = ['--socket', agent.socket, 'doctor', '--config', join(agent.folder, 'innkeeper.toml')];
  // Whatever it finds wrong with this host, the bundle is written.
  await run(command, [...doctor, '--bundle', bundle]).catch(() => {});
  t.ok(
    (await filesWith(agent.folder, 'sealing')).includes('bundle.tar.gz'),
    'and inside of the bundle for support',
  );
  for (const each of [clear, secret, posted]) {
    t.same(await filesWith(agent.folder, each), [], 'while the agent runs');
  }
  await agent.call('getInitialPasswordVServer', { vserverId: 'sealing', clear: true });
  t.match(
    await agent.call('getInitialPasswordVServer', { vserverId: 'sealing' }),
    { password: '' },
    'forgotten',
  );
  t.equal(
    (await ask(sealing, '/system-data/initial-password', put, 'another')).status,
    409,
    'and still taken',
  );
  await agent.stop();
  for (const each of [clear, secret, posted])
    t.same(await filesWith(agent.folder, each), [], 'after it has ended');
});

t.test('sessions are required where asked for, outlive the agent, and refusals are shown', async (t) => {
  const vendorData = Buffer.from('#cloud-config\n').toString('base64');
  const { agent, guests } = await agentWithGuests(t, {
    strict: { imds: 'v2', vendorData, userData: Buffer.from('mine').toString('base64') },
    other: { imds: 'v2' },
  });
  const [strict, other] = guests as [StandIn, StandIn];
  t.equal((await ask(strict, '/latest/user-data')).status, 401, 'without a session');
  const lifetime = 'X-aws-ec2-metadata-token-ttl-seconds: 600';
  const token = await ask(strict, '/latest/api/token', ['-X', 'PUT', '-H', lifetime]);
  const session = ['-H', `X-aws-ec2-metadata-token: ${token.body}`];
  t.match(await ask(strict, '/latest/user-data', session), { status: 200, body: 'mine' });
  t.equal((await ask(other, '/latest/meta-data/', session)).status, 401, 'worthless to another VServer');
  t.equal((await ask(strict, '/nocloud/vendor-data')).body, '#cloud-config\n');
  t.equal((await ask(strict, '/user-data', ['-H', 'X-Forwarded-For: 10.9.7.9'])).status, 403);

  const shown = await agent.call<{ services: object[]; imds: string }>('getVServerAttributes', {
    vserverId: 'strict',
  });
  t.equal(shown.imds, 'v2');
  t.match(shown.services, [{ service: 'http', counts: { requests: 4, unauthorized: 1, refused: 1 } }]);
  const { stdout } = await run(command, ['--socket', agent.socket, 'vserver', 'show', 'strict']);
  t.match(stdout, /unauthorized\W+1\b/, 'an operator sees why a guest got nothing');

  await agent.stop();
  await agent.start();
  t.match(
    await ask(strict, '/latest/user-data', session),
    { status: 200, body: 'mine' },
    'the old session holds',
  );
});

/** A container inside of the guest: behind its address, one hop further. */
async function containerIn(t: Test, { namespace, run: inside }: StandIn) {
  const container = `${namespace}c`;
  await run('ip', ['netns', 'add', container]);
  t.teardown(() => run('ip', ['netns', 'delete', container]));
  const words = (text: string) => text.split(' ');
  await inside('ip', words(`link add inner type veth peer name eth0 netns ${container}`));
  await inside('ip', words('address add 172.31.0.1/24 dev inner'));
  await inside('ip', words('link set inner up'));
  await inside('sh', ['-ec', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
  const nat =
    'table ip container { chain out { type nat hook postrouting priority 100; ip saddr 172.31.0.0/24 masquerade; }; }';
  await inside('nft', [nat]);
  const within = (command: string, args: string[]) =>
    run('ip', ['netns', 'exec', container, command, ...args]).then(({ stdout }) => stdout);
  await within('ip', words('address add 172.31.0.2/24 dev eth0'));
  await within('ip', words('link set eth0 up'));
  await within('ip', words('route add default via 172.31.0.1'));
  return { namespace: container, run: within };
}

for (const [hops, far] of [
  [1, false],
  [2, true],
] as const) {
  t.test(`answers travel ${hops} hop(s)`, async (t) => {
    const { guests } = await agentWithGuests(t, { host: {} }, { network: { metadata_hop_limit: hops } });
    const [guest] = guests as [StandIn];
    const container = await containerIn(t, guest);
    const lifetime = 'X-aws-ec2-metadata-token-ttl-seconds: 600';
    const put = ['-X', 'PUT', '-H', lifetime];
    t.equal((await ask(guest, '/latest/api/token', put)).status, 200, 'to the guest');
    const beyond = await ask(container, '/latest/api/token', ['--max-time', far ? '20' : '3', ...put]).catch(
      ({ stderr }: { stderr: string }) => stderr,
    );
    if (far) t.match(beyond, { status: 200 }, 'and into a container');
    else t.match(beyond, /timed? ?out|Connection/i, 'and not into a container');
  });
}
