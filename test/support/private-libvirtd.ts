// A libvirtd of the test's own, so that it may be stopped, killed and started again.
import { type ChildProcess, spawn } from 'node:child_process';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { killed, untilItAnswers } from './libvirtd-process.ts';

/** nobody: as an ordinary user libvirtd keeps all its state below its home, apart from the system's. */
const UID = 65_534;

export interface PrivateLibvirtd {
  /** Its UNIX socket. */
  socket: string;
  /** URI of its fake hypervisor. */
  uri: string;
  process(): ChildProcess;
  /** SIGKILL, and gone when this resolves. */
  kill(): Promise<void>;
  /** Starts it (again); it answers when this resolves. */
  start(): Promise<void>;
}

/** Starts one; it is removed with everything it made when the test ends. */
export async function privateLibvirtd(t: Test): Promise<PrivateLibvirtd> {
  const home = await mkdtemp(join(tmpdir(), 'ikt-libvirtd-'));
  const asRoot = process.getuid?.() === 0;
  if (asRoot) await chown(home, UID, UID);
  const socket = join(home, 'run/libvirt/libvirt-sock');
  const uri = `test+unix:///default?socket=${socket}`;
  let child: ChildProcess | undefined;

  const kill = () => killed(child);
  const start = async (): Promise<void> => {
    child = spawn('libvirtd', ['--pid-file', join(home, 'pid')], {
      ...(asRoot ? { uid: UID, gid: UID } : {}),
      stdio: 'ignore',
      env: {
        PATH: process.env.PATH,
        HOME: home,
        XDG_RUNTIME_DIR: join(home, 'run'),
        XDG_CONFIG_HOME: join(home, 'config'),
        XDG_CACHE_HOME: join(home, 'cache'),
      },
    });
    await untilItAnswers(child, uri, { connectTimeoutMs: 5_000, everyMs: 20 });
  };

  t.teardown(async () => {
    await kill();
    await rm(home, { recursive: true, force: true });
  });
  await start();
  return { socket, uri, kill, start, process: () => child! };
}
