// A libvirtd of the test's own, so that it may be stopped, killed and started again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { LibvirtClient } from '../../drivers/libvirt/mod.ts';

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

  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
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
    while (!(await answers(uri))) {
      if (child.exitCode !== null) throw new Error(`libvirtd ended with ${child.exitCode}`);
      await sleep(20);
    }
  };

  t.teardown(async () => {
    await kill();
    await rm(home, { recursive: true, force: true });
  });
  await start();
  return { socket, uri, kill, start, process: () => child! };
}

async function answers(uri: string): Promise<boolean> {
  const client = new LibvirtClient({ uri, connectTimeoutMs: 5_000, events: [] });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}
