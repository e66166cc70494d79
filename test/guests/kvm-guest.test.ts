// What only an operating system can do: let go of a device, see a new one, obey the power button.
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { kvmHost, watch } from '../helpers/kvm-host.ts';
import { guestImage } from '../images/guest-image.ts';

const host = await kvmHost((act) => t.teardown(act));
const { hypervisor } = host;

t.test('a guest is asked until it lets go, sees what is plugged, and shuts down when told', async (t) => {
  const path = join(host.folder, 'system.qcow2');
  await copyFile(await guestImage(), path);
  const system = { position: 0, path, format: 'qcow2' as const, serial: 'system' };
  const machine = await host.machine('guest', { memoryMiB: 96, disks: [system, await host.disk(1)] });
  const { name } = machine;
  await hypervisor.define(machine);
  const seen = watch(hypervisor, name);
  t.teardown(() => seen.stop());
  await hypervisor.start(name);
  const console = await hypervisor.openConsole(name);
  let text = '';
  const shows = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(text)) return;
        console.off('data', look);
        resolve();
      };
      console.on('data', look);
      console.once('close', () => reject(new Error(`the console ended before ${pattern}:\n${text}`)));
      look();
    });
  console.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });

  // The first request meets firmware, which is deaf to it.
  await hypervisor.detachDisk(name, 1, 240_000);
  await seen.until((event) => event.type === 'device-removed' && event.device === 'ua-disk-1');
  t.match((await hypervisor.find(name))?.disks, [{ target: 'vda' }]);

  await shows(/^GUEST ready=.*/m);
  await hypervisor.attachDisk(name, await host.disk(1));
  await shows(/^GUEST disk\.add=vdb\r?\n/m);
  await hypervisor.detachDisk(name, 1, 60_000);

  await hypervisor.shutdown(name);
  await seen.until((event) => event.type === 'machine' && event.state === 'shutting-down');
  const end = await seen.until((event) => event.type === 'machine' && event.state === 'off');
  t.match(end, { reason: 'shutdown' });
  t.match(await hypervisor.find(name), { state: 'off', reason: 'shutdown' });
});
