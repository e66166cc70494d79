// SIGHUP: takes over what of the configuration can change under a running agent, and names what cannot.
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from './config.ts';

/** The keys that need no restart. */
export const RELOADED = ['log_level', 'vserver_type', 'control_plane', 'control_plane_listener'] as const;

export interface Reload {
  /** Taken over now. */
  changed: string[];
  /** Different in the file, but only a restart takes it over. */
  waiting: string[];
}

const isReloaded = (key: string) => (RELOADED as readonly string[]).includes(key);

/** Compares two configurations, key by key of the file's top level. */
export function compareConfig(current: Config, next: Config): Reload {
  const keys = new Set([...Object.keys(current), ...Object.keys(next)]) as Set<keyof Config>;
  const different = [...keys].filter((key) => !isDeepStrictEqual(current[key], next[key]));
  return {
    changed: different.filter(isReloaded),
    waiting: different.filter((key) => !isReloaded(key)),
  };
}

/**
 * Changes `config`, which every part of the agent reads from, in place.
 * @param relink opens the links of control planes anew, as the changed configuration says; when that fails, the old
 * configuration is in force again and the links are opened as they were
 */
export async function applyConfig(
  config: Config,
  next: Config,
  log: Logger,
  relink: () => Promise<void>,
): Promise<Reload> {
  const reload = compareConfig(config, next);
  const before = pick(config);
  put(config, pick(next));
  // Loggers that were derived from this one keep their level; those of the links are made anew with them.
  log.level = config.log_level;
  if (reload.changed.some((key) => key !== 'vserver_type')) {
    try {
      await relink();
    } catch (error) {
      put(config, before);
      log.level = config.log_level;
      await relink();
      throw error;
    }
  }
  return reload;
}

type Reloaded = Pick<Config, (typeof RELOADED)[number]>;

function pick({ log_level, vserver_type, control_plane, control_plane_listener }: Config): Reloaded {
  return {
    log_level,
    vserver_type,
    control_plane,
    ...(control_plane_listener ? { control_plane_listener } : {}),
  };
}

function put(config: Config, values: Reloaded): void {
  if (!values.control_plane_listener) delete config.control_plane_listener;
  Object.assign(config, values);
}
