// Passwords by the guest agent: one that waits in the guest is fetched, another one is set; neither is written anywhere.
import { createHash } from 'node:crypto';
import t from 'tap';
import { eventually } from '../helpers/agent-guest.ts';
import { testAgent } from '../helpers/agent-process.ts';
import { filesWith } from '../helpers/files-with.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';
import { GuestShell } from '../helpers/guest-shell.ts';
import { eventsOf } from '../helpers/waiting.ts';

/** As much of the QEMU guest agent as is asked for here, in the shell of a guest that has no room for the real one. */
const GUEST_AGENT = `port=/dev/$(basename "$(dirname "$(grep -l org.qemu.guest_agent.0 /sys/class/virtio-ports/*/name)")")
exec 3<>"$port"
while :; do
  while IFS= read -r line <&3; do
    case $line in
      *'"guest-sync"'*) answer=\${line##*'"id":'}; answer="\\"return\\": \${answer%%[!0-9]*}" ;;
      *guest-file-open*/run/innkeeper/initial-password*) answer='"return": 1000' ;;
      *guest-file-open*) answer='"error": {"class": "GenericError", "desc": "no such file"}' ;;
      *guest-file-read*)
        answer="\\"return\\": {\\"count\\": 21, \\"buf-b64\\": \\"$( (cat /tmp/initial-password; echo) | base64)\\", \\"eof\\": true}" ;;
      *guest-set-user-password*mallory*) answer='"error": {"class": "GenericError", "desc": "no such user"}' ;;
      *guest-set-user-password*) printf '%s' "$line" >/tmp/asked; answer='"return": {}' ;;
      *) answer='"return": {}' ;;
    esac
    printf '{%s}\\n' "$answer" >&3
  done
  sleep 1
done
`;

t.test('a password is fetched from the guest by its agent, and set through it', async (t) => {
  const agent = await testAgent(t);
  await registeredImage(agent);
  const files = [{ name: 'agent.sh', content: Buffer.from(GUEST_AGENT).toString('base64') }];
  const one = { vserverId: 'one' };
  await agent.call('createVServer', { name: 'one', type: 'tiny', imageId: 'guest', vnics: [], files });
  const report = await bootedGuest(agent, 'one');
  await t.rejects(agent.call('getInitialPasswordVServer', one), { code: 'not-found' }, 'without an agent');
  await t.rejects(agent.call('setPasswordVServer', one), { code: /hypervisor|wrong-state/ });
  const shell = await GuestShell.open(agent, 'one');
  t.teardown(() => shell.close());
  await shell.run('(setsid sh /media/CONTEXT/agent.sh >/dev/null 2>&1 &)');
  // It is heard when it has opened its port, and libvirt has looked.
  let initial = { password: '', how: '' };
  await eventually('the guest agent answers', async () => {
    const asked = await agent.call<typeof initial>('getInitialPasswordVServer', one).catch(() => undefined);
    if (asked) initial = asked;
    return asked !== undefined;
  });
  const sha = createHash('sha256').update(initial.password).digest('hex');
  t.equal(
    sha,
    report.get('initial-password-sha256'),
    'the guest made it, the agent of the guest has told it',
  );
  t.equal(initial.how, 'clear');
  await agent.call('getInitialPasswordVServer', { ...one, clear: true });
  t.match(
    await agent.call('getInitialPasswordVServer', one),
    { password: '' },
    'cleared, and not fetched again',
  );

  const given = 'It\'s "given", ünïcode';
  t.same(
    await agent.call('setPasswordVServer', { ...one, user: 'alice', password: given }),
    {
      vserverId: (await agent.call<{ vserverId: string }>('getVServerStatus', one)).vserverId,
      user: 'alice',
    },
    'what was given is not said again',
  );
  const asked = async () => JSON.parse(await shell.run('cat /tmp/asked')).arguments;
  t.same(await asked(), {
    username: 'alice',
    password: Buffer.from(given).toString('base64'),
    crypted: false,
  });
  const made = await agent.call<{ password: string }>('setPasswordVServer', one);
  t.equal((await asked()).username, 'root');
  t.equal(
    Buffer.from((await asked()).password, 'base64').toString(),
    made.password,
    'one made up is told once',
  );
  t.ok(made.password.length >= 20);
  await t.rejects(agent.call('setPasswordVServer', { ...one, user: 'mallory' }), { message: /no such user/ });

  const told = (await eventsOf(agent)).map(({ type, data }) => [
    type,
    data.user ?? data.how ?? data.cleared,
    data.done,
  ]);
  const audit = told.filter(([type]) => String(type).includes('password'));
  t.same(audit, [
    ['vserver.password-set', 'root', false],
    ['vserver.initial-password', 'clear', undefined],
    ['vserver.initial-password-read', false, undefined],
    ['vserver.initial-password-read', true, undefined],
    ['vserver.initial-password-read', false, undefined],
    ['vserver.password-set', 'alice', true],
    ['vserver.password-set', 'root', true],
    ['vserver.password-set', 'mallory', false],
  ]);
  for (const password of [initial.password, given, made.password]) {
    t.same(await filesWith(agent.folder, password), [], 'nowhere on the host');
  }
  await agent.call('powerOffVServer', one);
  await t.rejects(agent.call('setPasswordVServer', one), { code: 'wrong-state', message: /inactive/ });
});
