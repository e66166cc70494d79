// The daemon: configuration, log, the agent, the ways in, and the signals that end it.
import { type Logger, pino } from 'pino';
import { startLocalApi } from './api/local-api.ts';
import type { NetworkApi, NetworkApiOptions } from './api/network-api.ts';
import { type Config, readConfig } from './config/config.ts';
import { applyConfig } from './config/reload.ts';
import { type Links, messageLimit, openLinks } from './control-plane/links.ts';
import { startHooks } from './hooks/hooks.ts';
import type { Boundary } from './operations/engine.ts';
import { activatedSocket, inheritedSockets } from './service-manager/inherited.ts';
import { openNotifier } from './service-manager/notify.ts';
import { type RunningAgent, startAgent } from './start.ts';
import { lockState } from './state-lock.ts';
import { VERSION } from './version.ts';

/** The unit that listens for the local API; all other sockets the agent is started with are VNets'. */
const API_UNIT = 'innkeeper.socket';

/**
 * Runs the agent in the foreground until SIGTERM or SIGINT.
 * @param boundary told at every step of every operation; tests stop the process there
 * @throws InnkeeperError when it cannot start
 */
export async function runAgent(configPath: string, boundary?: Boundary): Promise<void> {
  const config = await readConfig(configPath);
  const log = pino({ level: config.log_level, base: null });
  log.info({ version: VERSION, config: configPath }, 'starting');
  const inherited = inheritedSockets(process.env);
  const activated = await activatedSocket(
    inherited.filter(({ name }) => name === API_UNIT),
    config.socket,
  );
  const notifier = openNotifier();
  const lock = await lockState(config.state_dir);
  const closers: (() => unknown)[] = [() => notifier.close(), () => lock.close()];
  const closeAll = async () => {
    for (const close of closers.toReversed()) await close();
  };
  try {
    const left = inherited.filter(({ name }) => name !== API_UNIT);
    const running = await startAgent(config, log, boundary, left);
    closers.push(() => running.close());
    const { agent } = running;
    const bodyLimit = messageLimit(config.user_data_max_bytes);
    const api = await startLocalApi({
      agent,
      socketPath: config.socket,
      log,
      bodyLimit,
      ...(activated === undefined ? {} : { activated }),
      ...(config.socket_group ? { group: config.socket_group } : {}),
    });
    closers.push(() => api.close());
    const network = await openNetworkApi({ config: config.api_listener, agent, log, bodyLimit });
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
  network: NetworkApi | undefined;
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

/** Loaded only where one is configured. */
async function openNetworkApi(options: NetworkApiOptions): Promise<NetworkApi | undefined> {
  if (!options.config) return undefined;
  const { startNetworkApi } = await import('./api/network-api.ts');
  return await startNetworkApi(options);
}

function askedToStop(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}
