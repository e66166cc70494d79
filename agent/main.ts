// The daemon: configuration, log, the agent, the ways in, and the signals that end it.
import { type Logger, pino } from 'pino';
import { startLocalApi } from './api/local-api.ts';
import { startNetworkApi } from './api/network-api.ts';
import { readConfig } from './config.ts';
import { messageLimit, openLinks } from './control-plane/links.ts';
import { notifySystemd } from './notify-systemd.ts';
import type { Boundary } from './operations/engine.ts';
import { startAgent } from './start.ts';
import { lockState } from './state-lock.ts';
import { VERSION } from './version.ts';

/**
 * Runs the agent in the foreground until SIGTERM or SIGINT.
 * @param boundary told at every step of every operation; tests stop the process there
 * @throws InnkeeperError when it cannot start
 */
export async function runAgent(configPath: string, boundary?: Boundary): Promise<void> {
  const config = await readConfig(configPath);
  const log = pino({ level: config.log_level, base: null });
  log.info({ version: VERSION, config: configPath }, 'starting');
  const lock = await lockState(config.state_dir);
  const closers: (() => unknown)[] = [() => lock.close()];
  const closeAll = async () => {
    for (const close of closers.toReversed()) await close();
  };
  try {
    const running = await startAgent(config, log, boundary);
    closers.push(() => running.close());
    const { agent } = running;
    const bodyLimit = messageLimit(config.user_data_max_bytes);
    const api = await startLocalApi({
      agent,
      socketPath: config.socket,
      log,
      bodyLimit,
      ...(config.socket_group ? { group: config.socket_group } : {}),
    });
    closers.push(() => api.close());
    const network = await startNetworkApi({ config: config.api_listener, agent, log, bodyLimit });
    closers.push(() => network?.close());
    const links = await openLinks(config, agent, log);
    closers.push(() => links.close());
    reloadOnHangUp(async () => {
      await network?.reload();
      await links.reload();
    }, log);
    const ports = { controlPlanePort: links.port, apiPort: network?.port };
    log.info({ socket: config.socket, ...ports }, 'ready');
    await notifySystemd('READY=1');
    const signal = await askedToStop();
    log.info({ signal }, 'stopping');
    await notifySystemd('STOPPING=1');
  } finally {
    await closeAll();
  }
  log.info('stopped');
}

/** SIGHUP: credentials that are kept in files are read anew; bad ones leave the old ones in force. */
function reloadOnHangUp(reload: () => Promise<void>, log: Logger): void {
  process.on('SIGHUP', () => {
    reload().then(
      () => log.info('credentials were read anew'),
      (error) => log.error({ err: error }, 'new credentials were refused; the old ones stay'),
    );
  });
}

function askedToStop(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}
