// Tells systemd how the service is doing (sd_notify(3)); without systemd it does nothing.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Node has no datagram UNIX sockets, so systemd's own tool passes the message on.
 * @param state such as READY=1
 */
export async function notifySystemd(state: string): Promise<void> {
  if (!process.env.NOTIFY_SOCKET) return;
  await promisify(execFile)('systemd-notify', [`--pid=${process.pid}`, state]).catch(() => {});
}
