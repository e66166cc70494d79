// What a check of `innkeeper doctor` is: it looks at one thing and says what it found, what it means and what to do.
import type { ExamineOptions } from '../../drivers/host-finding.ts';
import type { Config } from '../config/config.ts';

export type Level = 'ok' | 'warning' | 'fault';

/** One thing found; the three sentences are for a person who has never seen our source. */
export interface Finding {
  /** Name of the check that found it. */
  check: string;
  /** Stable word for programs: `bridge-missing`, `certificate-expired` …; `ok` if nothing is wrong. */
  code: string;
  level: Level;
  found: string;
  means?: string;
  do?: string;
}

/** The agent's own answers; every method rejects when the agent cannot be asked. */
export interface AgentQuestions {
  call(method: string, params?: object): Promise<unknown>;
  text(path: string): Promise<string>;
}

/** How a check looks at the host; replaceable, so that a test can show a host that it is not on. */
export interface Senses {
  readFile(path: string): Promise<string>;
  /** Bytes of the file system that holds a path. */
  space(path: string): Promise<{ totalBytes: number; freeBytes: number }>;
  /** Standard output of a command. @throws if it cannot be run or fails */
  run(command: string, args: string[]): Promise<string>;
  now(): number;
  /** Whether guests run by hardware; where it is absent the driver finds out by itself. */
  acceleration?: ExamineOptions['probe'];
}

export interface CheckContext {
  config: Config;
  agent: AgentQuestions;
  senses: Senses;
}

/** Looks, and reports what is wrong, or one finding that says what is right. */
export interface Check {
  name: string;
  run(context: CheckContext): Promise<Omit<Finding, 'check'>[]>;
}

/** Everything is as it should be. */
export function fine(found: string): Omit<Finding, 'check'> {
  return { code: 'ok', level: 'ok', found };
}

export function fault(code: string, found: string, means: string, what: string): Omit<Finding, 'check'> {
  return { code, level: 'fault', found, means, do: what };
}

/** It works, but somebody should know. */
export function warning(code: string, found: string, means: string, what: string): Omit<Finding, 'check'> {
  return { code, level: 'warning', found, means, do: what };
}
