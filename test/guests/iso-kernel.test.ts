// A guest's own kernel mounts our media and finds every file, by Rock Ridge and by Joliet.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { busFor, CONTEXT_KINDS, contextFiles, type Medium, writeIso } from '../../contextualization/mod.ts';
import { facts } from '../helpers/context-facts.ts';
import { randomTree } from '../helpers/iso-trees.ts';
import { guestImage, guestReport } from '../images/guest-image.ts';

/** Mounts every medium again without Rock Ridge, and tells what Joliet shows. */
const SCRIPT = `#!innkeeper-guest
for mounted in /media/*; do
  device=$(grep " $mounted " /proc/mounts | cut -d ' ' -f 1)
  umount "$mounted" && mount -t iso9660 -o ro,norock,utf8 "$device" "$mounted" || continue
  find "$mounted" -type f -exec sha256sum {} + | cut -d ' ' -f 1 | sort | while read -r sum; do
    n=$((n + 1)); echo "GUEST joliet.\${mounted#/media/}.$n=$sum"
  done
done
poweroff -f
`;

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Random trees without the characters that the guest's report cannot carry. */
function sayable(seed: number): Medium {
  const files = randomTree(seed).filter(({ path }) => !/[\n=\\]|(^|\/)\s|\s(\/|$)/.test(path));
  return { label: `TREE${seed}`, files };
}

function expected(prefix: string, { label, files }: Medium): [string, string][] {
  return files.map(({ path, content }) => [`${prefix}.${label}.${path}`, sha(content as Uint8Array)]);
}

t.test('Linux mounts all four kinds and six random trees', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ikt-iso-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const media = [
    ...CONTEXT_KINDS.map((kind) => ({ medium: contextFiles(kind, facts()), bus: busFor(kind) })),
    ...[201, 202, 203, 204, 205, 206].map((seed) => ({ medium: sayable(seed), bus: 'disk' as const })),
  ];
  const drives: string[] = [];
  for (const { medium, bus } of media) {
    const image = join(folder, `${medium.label}.iso`);
    await writeIso(image, medium);
    const kind = bus === 'cdrom' ? 'if=ide,media=cdrom' : 'if=virtio,readonly=on';
    drives.push('-drive', `file=${image},format=raw,${kind}`);
  }
  const answer = join(folder, 'answer');
  await writeFile(answer, `HTTP/1.0 200 OK\r\n\r\n${SCRIPT}`);
  const service = `guestfwd=tcp:169.254.169.254:80-cmd:cat ${answer}`;
  const machine = '-accel tcg -machine pc -m 96 -nodefaults -display none -serial stdio -snapshot -no-reboot';
  const qemu = spawn('qemu-system-x86_64', [
    ...machine.split(' '),
    ...['-drive', `file=${await guestImage()},if=virtio,format=qcow2`],
    ...drives,
    ...[
      '-nic',
      `user,restrict=on,model=virtio-net-pci,net=169.254.0.0/16,dhcpstart=169.254.1.15,host=169.254.1.1,${service}`,
    ],
  ]);
  t.teardown(() => qemu.kill('SIGKILL'));
  const output: Buffer[] = [];
  qemu.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  await once(qemu, 'exit');

  const report = guestReport(Buffer.concat(output).toString('utf8'));
  for (const { medium } of media) {
    const { label } = medium;
    const told = (prefix: string) => [...report].filter(([key]) => key.startsWith(`${prefix}.${label}.`));
    t.same(told('iso').sort(), expected('iso', medium).sort(), `${label}: Rock Ridge names and bytes`);
    const sums = (rows: [string, string][]) => rows.map(([, sum]) => sum).sort();
    t.same(sums(told('joliet')), sums(expected('joliet', medium)), `${label}: the same bytes by Joliet`);
  }
  t.match(report.get('iso.OVF-TRANSPORT'), /^\/dev\/sr/, 'the OVF environment is in an optical drive');
});
