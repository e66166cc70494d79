// What every libvirtd of a test's own needs: to be waited for, and to be ended for good.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { LibvirtClient } from '../../drivers/libvirt/mod.ts';

/** Resolves once the daemon answers on `uri`, asked every `everyMs`; rejects if it has ended instead. */
export async function untilItAnswers(
  child: ChildProcess,
  uri: string,
  { connectTimeoutMs, everyMs }: { connectTimeoutMs: number; everyMs: number },
): Promise<void> {
  while (!(await answers(uri, connectTimeoutMs))) {
    if (child.exitCode !== null) throw new Error(`libvirtd ended with ${child.exitCode}`);
    await sleep(everyMs);
  }
}

/** SIGKILL, and gone when this resolves; one that has ended already, or never began, is success. */
export async function killed(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function answers(uri: string, connectTimeoutMs: number): Promise<boolean> {
  const client = new LibvirtClient({ uri, connectTimeoutMs, events: [] });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}
