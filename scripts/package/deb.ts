// A Debian package from a tree of files: control data, checksums, modes and times that do not depend on who builds.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, cp, lutimes, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface PackageInput {
  /** Becomes the root of the host's file system. */
  tree: string;
  version: string;
  architecture: string;
  date: Date;
  compress: boolean;
  /** Folder with postinst, prerm, postrm. */
  scripts: string;
  conffiles: string[];
  output: string;
}

/** On Xen only the device model is needed. */
const EMULATOR: Readonly<Record<string, string>> = {
  amd64: 'qemu-system-x86 | qemu-system-xen',
  arm64: 'qemu-system-arm',
};

function control({ version, architecture }: PackageInput, installedKiB: number): string {
  return `Package: innkeeper
Version: ${version}
Architecture: ${architecture}
Maintainer: Innkeeper <innkeeper@localhost>
Installed-Size: ${installedKiB}
Depends: libvirt-daemon-system, ${EMULATOR[architecture]}, qemu-utils, iproute2, nftables, libc6 (>= 2.28), libstdc++6 (>= 9), init-system-helpers (>= 1.54~)
Recommends: conntrack, xz-utils, zstd, bzip2
Suggests: lvm2, thin-provisioning-tools, nfs-common
Section: admin
Priority: optional
Description: host agent that rents out virtual machines for any control plane
 One daemon per physical machine turns a Linux host with libvirt into one that
 any control plane can rent out: it makes virtual machines from images, gives
 them networks and addresses, answers their DHCP and metadata requests, hands
 them their configuration on an ISO, and reports capacity and every change of
 state.
 .
 The Node.js runtime it needs is part of the package.
`;
}

async function* files(folder: string): AsyncGenerator<string> {
  for (const entry of (await readdir(folder, { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    yield path;
  }
}

/** Modes by kind and place, times of the commit: nothing of this machine's umask or clock. */
async function normalize(root: string, date: Date): Promise<void> {
  for await (const path of files(root)) {
    const place = relative(root, path);
    const program = /^(usr\/bin\/|usr\/lib\/innkeeper\/bin\/|DEBIAN\/(post|pre))/.test(place);
    const secret = place === 'etc/innkeeper/innkeeper.toml';
    const info = await stat(path);
    await chmod(path, info.isDirectory() || program ? 0o755 : secret ? 0o640 : 0o644);
    await lutimes(path, date, date);
  }
}

/** Writes `output`; the same input gives the same bytes. */
export async function buildDeb(input: PackageInput): Promise<void> {
  const { tree, date, compress, scripts, conffiles, output } = input;
  const sums: string[] = [];
  let bytes = 0;
  for await (const path of files(tree)) {
    const info = await stat(path);
    if (!info.isFile()) continue;
    bytes += Math.ceil(info.size / 1024) * 1024;
    const name = relative(tree, path);
    const hash = createHash('md5')
      .update(await readFile(path))
      .digest('hex');
    if (!conffiles.includes(`/${name}`)) sums.push(`${hash}  ${name}\n`);
  }
  const debian = join(tree, 'DEBIAN');
  await mkdir(debian);
  await cp(scripts, debian, { recursive: true });
  await writeFile(join(debian, 'control'), control(input, Math.ceil(bytes / 1024)));
  await writeFile(join(debian, 'conffiles'), conffiles.map((file) => `${file}\n`).join(''));
  await writeFile(join(debian, 'md5sums'), sums.join(''));
  await normalize(tree, date);
  const env = {
    ...process.env,
    SOURCE_DATE_EPOCH: String(Math.floor(date.getTime() / 1000)),
    // xz cuts its input by the number of threads.
    DPKG_DEB_THREADS_MAX: '1',
  };
  const how = compress ? ['-Zxz', '-z2'] : ['-Zgzip', '-z1'];
  await run('dpkg-deb', ['--root-owner-group', ...how, '--build', tree, output], { env });
}
