// Inside the KVM host, before and after its reboot: who comes back, who does not, and what was there before them.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { report } from './guest.ts';
import { call, eventsAfter, shell, step, until, type VServer } from './host.ts';

const NOTES = '/var/lib/testbed-before.json';
interface Notes {
  bootId: string;
  lastEvent: number;
}

/** libvirt calls this when a machine's taps are there and its guest is not: what the guest will find is noted. */
const HOOK = `#!/bin/sh
cat >/dev/null
[ "$2" = start ] || exit 0
{
  ip -o link
  nft list table bridge ik
  for name in $(ip netns list | cut -d ' ' -f 1); do
    echo "in $name:"
    ip netns exec "$name" ss -Hlntu
  done
} >"/var/lib/testbed-found.$1" 2>&1
`;

const bootId = async () => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
const attributes = (vserverId: string) => call<VServer>('getVServerAttributes', { vserverId });

async function before(): Promise<void> {
  await step('before the reboot one runs that comes back, one that does not, and one is off', async () => {
    await call('createVServer', {
      name: 'resting',
      type: 'plain',
      imageId: 'guest',
      vnics: [],
      autostart: false,
    });
    assert.equal((await attributes('tuned')).state, 'running');
    // Before that it would not notice that it is asked to shut down, and the host waits for it.
    await report('resting');
    assert.equal((await attributes('off')).power, 'off');
    const notes: Notes = { bootId: await bootId(), lastEvent: (await eventsAfter(0)).at(-1)?.seq ?? 0 };
    await writeFile(NOTES, JSON.stringify(notes));
    await mkdir('/etc/libvirt/hooks', { recursive: true });
    await writeFile('/etc/libvirt/hooks/qemu', HOOK, { mode: 0o755 });
  });
}

async function after(): Promise<void> {
  const notes = JSON.parse(await readFile(NOTES, 'utf8')) as Notes;
  await step('after the reboot the VServer that asks for it runs again, by itself', async () => {
    assert.notEqual(await bootId(), notes.bootId);
    const back = async () => {
      const found = await attributes('tuned').catch(() => undefined);
      return found?.state === 'running' ? found : undefined;
    };
    const { placement } = await until('the VServer', back, 600);
    assert.deepEqual(placement, { numaNode: 1, hugepageKiB: 2048, cpus: [1] });
  });
  await step('the others stay as they were left', async () => {
    assert.deepEqual(pick(await attributes('resting')), { state: 'inactive', power: 'on' });
    assert.deepEqual(pick(await attributes('off')), { state: 'inactive', power: 'off' });
  });
  await step('one event for each says why', async () => {
    const news = (await eventsAfter(notes.lastEvent)).filter(({ type }) => type === 'vserver.state');
    const of = async (name: string) => {
      const { vserverId } = await attributes(name);
      return news
        .filter(({ ids }) => ids.vserver === vserverId)
        .map(({ data }) => `${data.state}: ${data.reason}`);
    };
    assert.deepEqual(await of('resting'), ['inactive: the host was rebooted']);
    assert.deepEqual(await of('off'), []);
    const tuned = await of('tuned');
    assert.equal(tuned.filter((line) => line === 'inactive: the host was rebooted').length, 1, String(tuned));
    assert.equal(tuned.filter((line) => line.startsWith('running: started')).length, 1, String(tuned));
    console.log(`# ${tuned.join('; ')}`);
  });
  await step('its rules, networks and services were there before it', async () => {
    const { vserverId, vnics } = await attributes('tuned');
    const found = await readFile(`/var/lib/testbed-found.ik-${vserverId}`, 'utf8');
    for (const { device, vnetId } of vnics) {
      const { namespace } = await call<{ namespace: string }>('getVNetAttributes', { vnetId });
      const [, inside = ''] = found.split(`in ${namespace}:\n`);
      const services = inside.split(/^in /m)[0]!;
      assert.match(found, new RegExp(`^\\d+: ${device}[:@]`, 'm'), found);
      for (const chain of ['from', 'to']) assert.ok(found.includes(`goto ${chain}-${device}`), found);
      for (const port of [67, 80]) assert.match(services, new RegExp(`:${port} `), found);
    }
  });
  await step('its guest is up, with the same addresses', async () => {
    const told = await report('tuned');
    const { vnics } = await attributes('tuned');
    assert.equal(told.get('address.0'), `${vnics[0]!.ipv4Address}/24`);
    assert.equal(told.get('address.1'), `${vnics[1]!.ipv4Address}/24`);
  });
  await step('the storage pools are there again', async () => {
    const ok = async () =>
      (await call<{ health: { status: string } }>('getCapacity')).health.status === 'ok' || undefined;
    await until('every pool', ok);
  });
  await step('everything is destroyed, and nothing is left', async () => {
    for (const vserverId of ['tuned', 'resting', 'huge', 'off']) await call('destroyVServer', { vserverId });
    for (const vnetId of ['red', 'blue']) await call('destroyVNet', { vnetId });
    await call('unregisterDiskImage', { imageId: 'guest' });
    const left = await shell(`lvs --noheadings -o lv_name ikt | grep -vw thin || true
      find /srv/export /var/lib/innkeeper/pools -type f
      virsh list --all --name
      ip netns list | grep -v ^switch || true
      ip -o link | grep -E ' ik[-0-9a-z]*[:@]' || true`);
    assert.equal(left, '');
  });
}

const pick = ({ state, power }: VServer) => ({ state, power });

await (process.argv[2] === 'after' ? after() : before());
