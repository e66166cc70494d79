// The daemon: configuration, log, the agent, the ways in, and the signals that end it.
import { readFile } from 'node:fs/promises';
import { type Logger, pino } from 'pino';
import { startLocalApi } from './api/local-api.ts';
import { type Config, readConfig } from './config.ts';
import { connectControlPlane } from './control-plane/link.ts';
import { notifySystemd } from './notify-systemd.ts';
import type { Boundary } from './operations/engine.ts';
import { startAgent } from './start.ts';
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
  const running = await startAgent(config, log, boundary);
  const { agent } = running;
  const api = await startLocalApi({ agent, socketPath: config.socket, log }).catch(async (error) => {
    await running.close();
    throw error;
  });
  const links = config.control_plane.map((plane) => connect(plane, agent, log));
  log.info({ socket: config.socket }, 'ready');
  await notifySystemd('READY=1');
  const signal = await askedToStop();
  log.info({ signal }, 'stopping');
  await notifySystemd('STOPPING=1');
  await Promise.all(links.map((link) => link.close()));
  await api.close();
  await running.close();
  log.info('stopped');
}

function connect(
  plane: Config['control_plane'][number],
  agent: Parameters<typeof connectControlPlane>[0]['agent'],
  log: Logger,
) {
  const { name, url, right, token_file, ca_file, cert_file, key_file } = plane;
  const text = async (path: string | undefined) => (path ? (await readFile(path, 'utf8')).trim() : undefined);
  // Read before each attempt, so that renewed credentials need no restart.
  const credentials = async () => {
    const [token, ca, cert, key] = await Promise.all([token_file, ca_file, cert_file, key_file].map(text));
    return {
      ...(token ? { token } : {}),
      ...(ca ? { ca } : {}),
      ...(cert ? { cert } : {}),
      ...(key ? { key } : {}),
    };
  };
  return connectControlPlane({ url, name, right, agent, log, credentials });
}

function askedToStop(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}
