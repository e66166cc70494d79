// The context of a real guest is what was asked, and the medium in its drive is renewed when that changes.
import { createHash } from 'node:crypto';
import t from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';
import { GuestShell } from '../helpers/guest-shell.ts';

const NASTY =
  'It\'s "quoted", $HOME and `ticks`; \\ stays\n\ttab, ünïcode 世界 🎉\n\n$(exit 1) & | > < * ? !\n';
const SCRIPT = '#!/bin/sh\necho "from FILES: $1"\n';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const sha = (text: string) => createHash('sha256').update(text).digest('hex');

t.test('a guest reads its context, and what changes while it runs', async (t) => {
  const agent = await testAgent(t);
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'lan', ipv4Subnet: '10.9.6.0/24' });
  await agent.call('createVNet', { name: 'back', ipv4Subnet: '10.9.7.0/24' });
  const vserver = { type: 'tiny', imageId: 'guest' };
  const nic = (ipv4Address: string) => [{ vnetId: 'lan', ipv4Address }];
  await agent.call('createVServer', { ...vserver, name: '4', boot: false, vnics: nic('10.9.6.44') });
  await agent.call('createVServer', {
    ...vserver,
    name: 'web',
    vnics: nic('10.9.6.50'),
    variables: {
      NASTY,
      OWN: '$NAME at $NIC[IP] in $NIC[NETWORK, IP="10.9.6.50"], $NIC[IP, NETWORK="lan"]',
      PEER: '$4.$NAME at $4.$NIC[IP, NETWORK="lan"]',
    },
    files: [{ name: 'setup.sh', content: base64(SCRIPT) }],
  });
  await bootedGuest(agent, 'web');
  const shell = await GuestShell.open(agent, 'web');
  t.teardown(() => shell.close());
  /** What the shell makes of `word` with the variables of the medium that is in the drive now. */
  const context = (word: string) => shell.run(`(. /media/CONTEXT/context.sh && printf '%s' ${word})`);
  const again = () => shell.run('umount /media/CONTEXT; mount -t iso9660 -o ro /dev/sr0 /media/CONTEXT');

  t.equal(
    await shell.run(`(. /media/CONTEXT/context.sh && printf %s "$NASTY" | sha256sum)`),
    `${sha(NASTY)}  -`,
  );
  t.equal(await context('"$OWN"'), 'web at 10.9.6.50 in lan, 10.9.6.50', 'references to itself');
  t.equal(await context('"$PEER"'), '4 at 10.9.6.44', "and to another VServer of its owner's");
  t.equal(await context('"$FILES"'), 'setup.sh');
  t.equal(await shell.run('sh /media/CONTEXT/setup.sh here'), 'from FILES: here', 'files are beside it');

  const before = await agent.call('getVServerStatus', { vserverId: 'web' });
  const sshKeys = ['ssh-ed25519 AAAAC3Nza alice@example.org'];
  const renamed = { hostname: 'renamed.example.org', sshKeys, userData: base64('#!/bin/sh\n'), files: [] };
  t.match(await agent.call('updateVServer', { vserverId: 'web', ...renamed }), {
    hostname: 'renamed.example.org',
    state: 'running',
  });
  await again();
  t.equal(
    await context('"$HOSTNAME|$SSH_PUBLIC_KEY|$USER_DATA|$FILES|$OWN"'),
    `renamed.example.org|${sshKeys[0]}|${renamed.userData}||web at 10.9.6.50 in lan, 10.9.6.50`,
    'the medium in the drive says what was changed, and still what was not',
  );
  await t.rejects(agent.call('updateVServer', { vserverId: 'web', variables: { PATH: '/evil' } }), {
    code: 'invalid',
    message: /PATH is reserved/,
  });
  await again();
  t.equal(await context('"$OWN"'), 'web at 10.9.6.50 in lan, 10.9.6.50', 'what is refused changes nothing');

  const vnic = { vserverId: 'web', vnetId: 'back', ipv4Address: '10.9.7.9' };
  const { vnicId } = await agent.call<{ vnicId: string }>('createVNIC', vnic);
  await again();
  t.equal(await context('"$ETH0_IP $ETH1_IP"'), '10.9.6.50 10.9.7.9', 'a VNIC that was added');
  await agent.call('destroyVNIC', { vnicId });
  await again();
  t.equal(await context('"$ETH0_IP $ETH1_IP"'), '10.9.6.50', 'and taken away');
  t.same(await agent.call('getVServerStatus', { vserverId: 'web' }), before, 'the guest ran on all the time');
});
