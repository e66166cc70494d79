// The acceleration probe: only a guest that ran to its last instruction counts as proof.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { probeAcceleration } from '../../drivers/kvm/acceleration.ts';

/** An emulator that is a shell script. */
async function emulator(t: { teardown(act: () => Promise<void>): void }, script: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ikt-kvm-probe-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'qemu');
  await writeFile(file, `#!/bin/bash\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

t.test("the probe's guest runs to its end on a processor that works", async (t) => {
  const qemu = await emulator(t, 'exec qemu-system-x86_64 $(echo "$*" | sed "s/ kvm / tcg /")');
  t.same(await probeAcceleration({ emulator: qemu }), { type: 'kvm' });
});

t.test('a force is obeyed without starting anything', async (t) => {
  const nothing = '/nonexistent/qemu';
  t.same(await probeAcceleration({ force: 'kvm', emulator: nothing }), { type: 'kvm' });
  t.match(await probeAcceleration({ force: 'tcg', emulator: nothing }), { type: 'qemu', reason: /asks/ });
});

t.test("QEMU's own words are the reason", async (t) => {
  const qemu = await emulator(t, 'echo "Could not access KVM kernel module: Permission denied" >&2; exit 1');
  t.match(await probeAcceleration({ emulator: qemu }), { type: 'qemu', reason: /Permission denied/ });
});

t.test('a guest that KVM gives up is noticed by what QEMU says, not by waiting', async (t) => {
  const qemu = await emulator(t, 'echo "KVM internal error. Suberror: 1" >&2; exec sleep 100');
  t.match(await probeAcceleration({ emulator: qemu, timeoutMs: 90_000 }), {
    type: 'qemu',
    reason: /internal/,
  });
});

t.test('a guest that never ends is killed', async (t) => {
  const qemu = await emulator(t, 'exec sleep 100');
  t.match(await probeAcceleration({ emulator: qemu, timeoutMs: 100 }), { type: 'qemu', reason: /100 ms/ });
});

t.test('QEMU that is not there is a reason, not a crash', async (t) => {
  t.match(await probeAcceleration({ emulator: '/nonexistent/qemu' }), { type: 'qemu', reason: /ENOENT/ });
});

t.test('success without the proof is no proof', async (t) => {
  t.match(await probeAcceleration({ emulator: await emulator(t, 'exit 0') }), { type: 'qemu' });
});
