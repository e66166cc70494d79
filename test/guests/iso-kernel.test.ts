// A guest's own kernel mounts our media and finds every file, by Rock Ridge and by Joliet.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  CONTEXT_KINDS,
  contextFiles,
  type Medium,
  type MediumFile,
  writeIso,
} from '../../contextualization/mod.ts';
import { facts } from '../helpers/context-facts.ts';
import { partitionedDisk } from '../helpers/gpt.ts';
import { pathsOf, randomTree } from '../helpers/iso-trees.ts';
import { guestImage, guestReport } from '../images/guest-image.ts';

const TREES = 1000;
/** Trees of one disk, each in a partition. */
const PER_DISK = 250;

/** Mounts every medium again without Rock Ridge, and tells what Joliet shows. */
const SCRIPT = `#!innkeeper-guest
for mounted in /media/*; do
  device=$(grep " $mounted " /proc/mounts | cut -d ' ' -f 1)
  umount "$mounted" && mount -t iso9660 -o ro,norock,utf8 "$device" "$mounted" || continue
  find "$mounted" -type f -exec sha256sum {} + | cut -d ' ' -f 1 | sort | while read -r sum; do
    n=$((n + 1)); echo "GUEST joliet.\${mounted#/media/}.$n=$sum"
  done
done
mkdir /tree
for partition in /sys/block/vd*/vd*; do
  partition=\${partition##*/}
  mount -t iso9660 -o ro "/dev/$partition" /tree || continue
  cd /tree
  sum=$(find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
  cd / && umount /tree
  echo "GUEST tree.$partition=\${sum%% *}"
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

/** One digest of a tree as the guest's script makes it: of every name (in the order of their bytes) and every content. */
function digest(files: readonly MediumFile[]): string {
  const contents = new Map(files.map(({ path, content }) => [path, content as Uint8Array]));
  const named = pathsOf(files).filter((path) => contents.has(path));
  return sha(Buffer.from(named.map((path) => `${sha(contents.get(path)!)}  ./${path}\n`).join('')));
}

/** Disks with a tree in each partition, and what the guest must say of them. */
async function thousandTrees(folder: string): Promise<{ disks: string[]; digests: Map<string, string> }> {
  const disks: string[] = [];
  const digests = new Map<string, string>();
  for (let first = 0; first < TREES; first += PER_DISK) {
    const images: string[] = [];
    // Linux counts them behind the guest's own disk.
    const letter = String.fromCharCode('b'.charCodeAt(0) + disks.length);
    for (let seed = first; seed < first + PER_DISK; seed += 1) {
      const files = randomTree(seed);
      images.push(join(folder, `tree-${seed}.iso`));
      await writeIso(images.at(-1)!, { label: 'TREE', files }, { sync: false });
      digests.set(`tree.vd${letter}${images.length}`, digest(files));
    }
    disks.push(join(folder, `trees-${disks.length}`));
    await partitionedDisk(disks.at(-1)!, images);
    for (const image of images) await rm(image);
  }
  return { disks, digests };
}

t.test(`Linux mounts all four kinds, six random trees, and ${TREES} more`, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ikt-iso-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const media = [
    ...CONTEXT_KINDS.map((kind) => ({ medium: contextFiles(kind, facts()), bus: 'cdrom' as const })),
    ...[201, 202, 203, 204, 205, 206].map((seed) => ({ medium: sayable(seed), bus: 'disk' as const })),
  ];
  const drives: string[] = [];
  for (const { medium, bus } of media) {
    const image = join(folder, `${medium.label}.iso`);
    await writeIso(image, medium);
    const kind = bus === 'cdrom' ? 'if=ide,media=cdrom' : 'if=virtio,readonly=on';
    drives.push('-drive', `file=${image},format=raw,${kind}`);
  }
  const { disks, digests } = await thousandTrees(folder);
  const trees = disks.flatMap((disk) => ['-drive', `file=${disk},format=raw,if=virtio,readonly=on`]);
  const answer = join(folder, 'answer');
  await writeFile(answer, `HTTP/1.0 200 OK\r\n\r\n${SCRIPT}`);
  const service = `guestfwd=tcp:169.254.169.254:80-cmd:cat ${answer}`;
  const machine = '-accel tcg -machine pc -m 96 -nodefaults -display none -serial stdio -snapshot -no-reboot';
  const qemu = spawn('qemu-system-x86_64', [
    ...machine.split(' '),
    ...['-drive', `file=${await guestImage()},if=virtio,format=qcow2`],
    ...trees,
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
  const wrong = [...digests].filter(([key, sum]) => report.get(key) !== sum);
  t.equal(digests.size, TREES);
  t.same(wrong, [], `${TREES} trees as they were written`);
  t.match(report.get('iso.OVF-TRANSPORT'), /^\/dev\/sr/, 'the OVF environment is in an optical drive');
});
