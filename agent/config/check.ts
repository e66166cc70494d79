// `innkeeper config check`: every mistake of a configuration file, each with its line and what should be there.
import { Value } from '@sinclair/typebox/value';
import { parse, TomlError } from 'smol-toml';
import { checkPoolEntry } from '../storage/config.ts';
import { mistakes } from '../validation.ts';
import { ConfigSchema, checkConfig } from './config.ts';
import { lineOf, tomlLines } from './toml-lines.ts';

export interface ConfigMistake {
  /** Unknown where it is about the file as a whole. */
  line?: number;
  reason: string;
}

/** Empty if the agent would start with this text. */
export function configMistakes(text: string): ConfigMistake[] {
  let given: Record<string, unknown>;
  try {
    given = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = 'is no TOML'] = error.message.replace('Invalid TOML document: ', '').split('\n');
    return [{ line: error.line, reason: `${reason}.` }];
  }
  const lines = tomlLines(text);
  const found: ConfigMistake[] = [];
  const say = (path: string[], reason: string) => {
    const line = lineOf(lines, path);
    found.push({ ...(line === undefined ? {} : { line }), reason });
  };
  const completed = Value.Default(ConfigSchema, structuredClone(given));
  for (const { path, reason } of mistakes(ConfigSchema, completed)) {
    // Of pools, which are of several kinds, the schema of the kind knows more.
    if (path[0] !== 'pool' || path.length < 2) say(path, `${path.join('.')} ${reason}.`);
  }
  const pools = Array.isArray(given.pool) ? given.pool : [];
  pools.forEach((pool, index) => {
    try {
      checkPoolEntry(pool, `pool.${index}`);
    } catch (error) {
      const { message } = error as Error;
      const key = /: ([\w.]+) /.exec(message)?.[1] ?? '';
      say(['pool', String(index), ...key.split('.')], message);
    }
  });
  if (found.length > 0) return found.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  try {
    checkConfig(given);
    return [];
  } catch (error) {
    return [{ reason: (error as Error).message }];
  }
}
