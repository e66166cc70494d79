// The libvirt client against the system's libvirtd and a real QEMU machine: console, devices, monitor.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import {
  AFFECT,
  isAgentFailure,
  isWrongState,
  LibvirtClient,
  type LibvirtEvent,
  START,
  STATS,
} from '../../drivers/libvirt/mod.ts';

const NAME = `ikt-rpc-${process.pid}`;

/** A machine without an operating system: its firmware talks on the serial console. */
function machineXml(disk: string): string {
  return `<domain type='qemu'><name>${NAME}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
    <os><type arch='x86_64' machine='pc'>hvm</type><bios useserial='yes'/>
      <bootmenu enable='yes' timeout='60000'/></os>
    <devices><controller type='usb' model='none'/><memballoon model='none'/>
      <serial type='pty'/><console type='pty'/>
      <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
      <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${disk}'/>
        <target dev='vda' bus='virtio'/></disk></devices></domain>`;
}

t.test('a real machine', async (t) => {
  const folder = await mkdtemp('/var/lib/libvirt/images/ikt-rpc-');
  await chmod(folder, 0o755); // QEMU runs as another user
  const disk = join(folder, 'disk.raw');
  await writeFile(disk, Buffer.alloc(1024 * 1024), { mode: 0o666 });
  const client = new LibvirtClient({ uri: 'qemu:///system' });
  await client.connect();
  const { domains } = client;
  const dom = await domains.define(machineXml(disk));
  t.teardown(async () => {
    await domains.destroy(dom).catch(() => {});
    await domains.undefine(dom);
    await client.close();
    await rm(folder, { recursive: true, force: true });
  });
  const lifecycle = client.events({ types: ['lifecycle'] });
  const running = await domains.start(dom, START.paused);

  t.match(await domains.state(running), { state: 'paused' });
  t.match(await client.host.nodeInfo(), { cpus: Number });
  t.type((await client.host.memoryStats()).get('total'), 'bigint');
  const again = await domains.start(dom).catch((error: unknown) => error);
  t.ok(isWrongState(again), 'starting it twice');
  t.match(await client.host.domainCapabilities({ virtType: 'qemu' }), /<domainCapabilities>/);

  t.test('its serial console carries bytes both ways', async (t) => {
    const console = await client.openConsole(running);
    await domains.resume(running);
    let shown = '';
    let pressed = false;
    for await (const chunk of console) {
      shown += chunk;
      if (!pressed && shown.includes('Press ESC')) {
        pressed = true;
        console.write('\x1b');
      }
      if (shown.includes('Select boot device')) break; // only shown in answer to the key
    }
    t.match(shown, /SeaBIOS/);
    t.ok(console.destroyed);
    const second = await client.openConsole(running);
    second.end();
    second.resume();
    await new Promise((resolve) => second.once('close', resolve));
    t.pass('it can be opened again and ended in good order');
  });

  t.test('monitor, block resize, statistics and limits', async (t) => {
    const answer = JSON.parse(await domains.monitorCommand(running, '{"execute":"query-status"}'));
    t.match(answer, { return: { status: 'running' } });
    await domains.devices.resizeBlock(running, 'vda', 2n * 1024n * 1024n);
    t.match(await domains.devices.blockInfo(running, 'vda'), { capacity: 2n * 1024n * 1024n });
    await domains.tuning.setBlockIo(
      running,
      'vda',
      [{ field: 'write_iops_sec', type: 'ullong', value: 50n }],
      AFFECT.live,
    );
    t.equal((await domains.tuning.blockIo(running, 'vda', AFFECT.live)).get('write_iops_sec'), 50n);
    const [row] = await domains.stats(STATS.state | STATS.block | STATS.cpuTotal, 0, [running]);
    t.equal(row?.params.get('block.0.name'), 'vda');
    t.type(row?.params.get('cpu.time'), 'bigint');
    const deaf = await domains.agentCommand(running, '{"execute":"guest-ping"}', 1).catch((e: unknown) => e);
    t.ok(isAgentFailure(deaf), 'a guest without agent is a failure of the agent');
  });

  t.test('a console open at power-off ends, and the lifecycle says why', async (t) => {
    const console = await client.openConsole(running);
    const closed = new Promise((resolve) =>
      console
        .once('close', resolve)
        .once('error', () => {})
        .resume(),
    );
    await domains.destroy(running);
    await closed;
    t.ok(
      isWrongState(await client.openConsole(dom).catch((e: unknown) => e)),
      'there is none when it is off',
    );
    const seen: string[] = [];
    while (seen.at(-1) !== 'stopped/destroyed') {
      const event: LibvirtEvent = (await lifecycle.next()).value;
      const ours = event.type === 'lifecycle' && event.domain.name === NAME;
      // QEMU may or may not get to say that it was told to shut down.
      if (ours && event.event !== 'shutdown') seen.push(`${event.event}/${event.detail}`);
    }
    t.same(seen, ['started/booted', 'suspended/paused', 'resumed/unpaused', 'stopped/destroyed']);
  });
});
