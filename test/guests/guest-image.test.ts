// The test guest keeps its own promises on a bare QEMU, so that a failing test elsewhere is not the guest's fault.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { guestImage, guestReport } from '../images/guest-image.ts';

/**
 * A configuration service made of one printf: every request is answered with "hello". It goes on reading, for a guest
 * that still sends would be told of a reset instead.
 */
const service =
  'net=169.254.0.0/16,dhcpstart=169.254.1.15,host=169.254.1.1,dns=169.254.1.2,' +
  `guestfwd=tcp:169.254.169.254:80-cmd:sh -c "printf 'HTTP/1.0 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhello'; cat >/dev/null"`;

/** Resolves with everything the guest has written when `pattern` has appeared; rejects if it ends before. */
function consoleShows(qemu: ChildProcess, text: { all: string }, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (!pattern.test(text.all)) return;
      qemu.stdout?.off('data', look);
      resolve(text.all);
    };
    qemu.stdout?.on('data', look);
    qemu.once('exit', () => reject(new Error(`QEMU ended before ${pattern}:\n${text.all}`)));
    look();
  });
}

t.test(
  'it boots from its disk, reports, sees a disk being plugged in, and obeys the power button',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'ikt-image-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const monitor = join(folder, 'monitor');
    const machine = '-accel tcg -machine pc -m 96 -nodefaults -display none -serial stdio -snapshot';
    const qemu = spawn('qemu-system-x86_64', [
      ...machine.split(' '),
      ...['-monitor', `unix:${monitor},server=on,wait=off`],
      ...['-drive', `file=${await guestImage()},if=virtio,format=qcow2`],
      ...['-nic', `user,restrict=on,model=virtio-net-pci,mac=52:54:00:00:00:07,${service}`],
    ]);
    t.teardown(() => qemu.kill('SIGKILL'));
    const text = { all: '' };
    qemu.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text.all += chunk;
    });

    const report = guestReport(await consoleShows(qemu, text, /^GUEST ready=.*/m));
    t.equal(report.get('mac.0'), '52:54:00:00:00:07');
    t.equal(report.get('address.0'), '169.254.1.15/16');
    t.equal(report.get('user-data-fetch'), 'ok');
    t.equal(report.get('user-data-sha256'), createHash('sha256').update('hello').digest('hex'));
    t.equal(report.get('initial-password'), 'posted');
    t.match(report.get('initial-password-sha256'), /^[0-9a-f]{64}$/);

    const human = connect(monitor);
    t.teardown(() => human.destroy());
    human.resume();
    human.write(
      'drive_add 0 if=none,id=more,file=null-co://,format=raw\ndevice_add virtio-blk-pci,drive=more\n',
    );
    await consoleShows(qemu, text, /^GUEST disk\.add=vdb\r?\n/m);
    t.pass('the new disk was seen');

    human.write('system_powerdown\n');
    await once(qemu, 'exit');
    t.match(text.all, /^GUEST shutdown=done/m);
  },
);
