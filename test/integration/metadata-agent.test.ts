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

async function agentWithGuests(t: Test, guests: Record<string, object>) {
  const agent = await testAgent(t, { libvirtUri: 'test:///default' });
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
