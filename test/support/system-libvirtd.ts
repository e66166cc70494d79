// A second libvirtd with its own qemu:///system, in a mount namespace of its own, for tests that end it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { killed, untilItAnswers } from './libvirtd-process.ts';

export interface SystemLibvirtd {
  /** URI of its QEMU driver; works from outside its mount namespace. */
  uri: string;
  pid(): number;
  /** SIGKILL, and gone when this resolves; machines run on. */
  kill(): Promise<void>;
  /** Resolves when it is gone, whoever killed it. */
  gone(): Promise<void>;
  /** Starts it (again); it answers when this resolves. */
  start(): Promise<void>;
}

/** What libvirtd keeps below these paths is its own; machines, taps and bridges are the host's. */
const OWN = ['/run/libvirt', '/var/lib/libvirt', '/var/cache/libvirt', '/var/log/libvirt', '/etc/libvirt'];

/**
 * Starts one as root. Tests remove their machines before it goes; what is left is ended with it.
 * Its state lives in a folder, not in the namespace, so that the next start finds the running machines again.
 */
export async function systemLibvirtd(t: Test): Promise<SystemLibvirtd> {
  const home = await mkdtemp('/var/tmp/ikt-libvirtd-');
  const socket = join(home, 'sock', 'libvirt-sock');
  const uri = `qemu+unix:///system?socket=${socket}`;
  const config = join(home, 'libvirtd.conf');
  await writeFile(config, `unix_sock_dir = "${home}/sock"\nauth_unix_rw = "none"\n`);
  const mounts = OWN.map((path) => {
    const own = join(home, path.slice(1).replaceAll('/', '-'));
    return `mkdir -p ${own} ${path} && chmod 755 ${own} && mount --bind ${own} ${path}`;
  });
  const qemuConf = `printf 'stdio_handler = "file"\\nsecurity_driver = "none"\\nremember_owner = 0\\n' > /etc/libvirt/qemu.conf`;
  const script = [
    'set -e',
    `mkdir -p ${home}/sock`,
    ...mounts,
    qemuConf,
    `exec libvirtd --config ${config} --pid-file ${home}/pid`,
  ].join('\n');
  let child: ChildProcess | undefined;

  const kill = () => killed(child);
  const gone = async () => {
    if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
  const start = async (): Promise<void> => {
    await forgetHalfStarted(join(home, 'run-libvirt/qemu'));
    // unshare and sh become libvirtd by exec, so that the child's pid is its pid.
    child = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script], {
      stdio: 'ignore',
    });
    await untilItAnswers(child, uri, { connectTimeoutMs: 20_000, everyMs: 50 });
  };

  t.teardown(async () => {
    await kill();
    await rm(home, { recursive: true, force: true });
  });
  await start();
  return { uri, kill, gone, start, pid: () => child!.pid! };
}

/**
 * libvirtd 9.0 that is killed before it knows the process of a machine it starts leaves `pid='0'` in the machine's
 * status, and every later one takes the machine for starting, for ever: `docs/troubleshoot.md` says what to do, and
 * this does it. The file is removed while no libvirtd runs.
 */
async function forgetHalfStarted(folder: string): Promise<void> {
  for (const file of await readdir(folder).catch(() => [])) {
    const path = join(folder, file);
    if (!file.endsWith('.xml')) continue;
    if (/<domstatus [^>]*reason='starting up' pid='0'/.test(await readFile(path, 'utf8'))) await rm(path);
  }
}
