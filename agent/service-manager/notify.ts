// Tells systemd how the service is doing (sd_notify(3)) and feeds its watchdog; without systemd it does nothing.
import { type ChildProcess, spawn } from 'node:child_process';

/** What may be told besides the watchdog's feeding. */
export type ServiceState = 'READY=1' | 'STOPPING=1';

export interface Notifier {
  tell(state: ServiceState): void;
  close(): void;
}

/** Each line of its input becomes one message; it ends with its input, so it never outlives the agent. */
const HELPER = 'while read -r line; do systemd-notify --pid="$1" "$line"; done';

/**
 * Node has no datagram UNIX sockets, so systemd's own tool sends the messages. It is started by a shell that waits
 * on a pipe: for the agent a message is one small write, and never a fork of its own large process.
 * The watchdog is fed by a timer of the event loop: whatever holds the loop up ends the feeding.
 */
export function openNotifier(env: NodeJS.ProcessEnv = process.env): Notifier {
  if (!env.NOTIFY_SOCKET) return { tell() {}, close() {} };
  let helper: ChildProcess | undefined;
  const send = (message: string): void => {
    helper ??= startHelper(env, () => {
      helper = undefined;
    });
    helper.stdin?.write(`${message}\n`);
  };
  const periodMs = Number(env.WATCHDOG_USEC ?? 0) / 1000 / 3;
  const timer = periodMs > 0 ? setInterval(() => send('WATCHDOG=1'), periodMs) : undefined;
  timer?.unref();
  return {
    tell: send,
    close() {
      clearInterval(timer);
      helper?.stdin?.end();
    },
  };
}

function startHelper(env: NodeJS.ProcessEnv, gone: () => void): ChildProcess {
  const child = spawn('sh', ['-c', HELPER, 'sh', String(process.pid)], {
    env,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Whether it cannot be started or dies: the next message starts another.
  child.once('error', gone).once('exit', gone);
  child.stdin.on('error', () => {});
  // It must not keep the agent alive.
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return child;
}
