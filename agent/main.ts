// The daemon: configuration, log, the agent, the ways in, and the signals that end it.
import { type Logger, pino } from 'pino';
import { startLocalApi } from './api/local-api.ts';
import { startNetworkApi } from './api/network-api.ts';
import { type Config, readConfig } from './config.ts';
import { type Links, messageLimit, openLinks } from './control-plane/links.ts';
import { startHooks } from './hooks/hooks.ts';
import { openNotifier } from './notify-systemd.ts';
import type { Boundary } from './operations/engine.ts';
import { applyConfig } from './reload.ts';
import { type RunningAgent, startAgent } from './start.ts';
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
  const notifier = openNotifier();
  const lock = await lockState(config.state_dir);
  const closers: (() => unknown)[] = [() => notifier.close(), () => lock.close()];
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
    const hooks = startHooks(config.hook, agent, log);
    closers.push(() => hooks.close());
    const links = await openLinks(config, agent, log);
    const reload = reloadOnHangUp({ path: configPath, config, running, links, network, log });
    closers.push(() => reload.close());
    const ports = { controlPlanePort: links.port, apiPort: network?.port };
    log.info({ socket: config.socket, ...ports }, 'ready');
    notifier.tell('READY=1');
    const signal = await askedToStop();
    log.info({ signal }, 'stopping');
    notifier.tell('STOPPING=1');
  } finally {
    await closeAll();
  }
  log.info('stopped');
}

interface ReloadParts {
  path: string;
  config: Config;
  running: RunningAgent;
  links: Links;
  network: Awaited<ReturnType<typeof startNetworkApi>>;
  log: Logger;
}

/**
 * SIGHUP: the configuration and the credentials kept in files are read anew, one reload after the other; with
 * mistakes in them everything stays as it was.
 */
function reloadOnHangUp(parts: ReloadParts): { close(): Promise<void> } {
  const { path, config, running, network, log } = parts;
  let { links } = parts;
  const relink = async () => {
    await links.close();
    links = await openLinks(config, running.agent, log);
  };
  const reload = async () => {
    const outcome = await applyConfig(config, await readConfig(path), log, relink);
    await network?.reload();
    await links.reload();
    if (outcome.changed.includes('vserver_type')) running.agent.capacityChanged();
    log.info(outcome, 'the configuration was read anew');
    if (outcome.waiting.length > 0) log.warn({ keys: outcome.waiting }, 'only a restart takes these over');
  };
  let turn = Promise.resolve();
  process.on('SIGHUP', () => {
    turn = turn
      .then(reload)
      .catch((error) => log.error({ err: error }, 'the new configuration was refused; the old one stays'));
  });
  return {
    async close() {
      await turn;
      await links.close();
    },
  };
}

function askedToStop(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}
