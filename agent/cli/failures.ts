// How the command fails: four exit codes that scripts can rely on, and one line for people or JSON for programs.
import { CommanderError } from 'commander';
import { printable, safeJson } from './printable.ts';

/** Exit codes of the command; documented in docs/command.md. */
export const EXIT = { ok: 0, refused: 1, usage: 2, unreachable: 3, interrupted: 130 } as const;

/** The agent understood and said no; carries the one error as it came over the wire. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: string;
  readonly ids: Record<string, string>;

  constructor(code: string, message: string, ids: Record<string, string> = {}) {
    super(message);
    this.code = code;
    this.ids = ids;
  }
}

/** Nobody answers on the socket, or the answer broke off. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** The command line itself is wrong, or a file it names cannot be read. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The user stopped waiting; the agent goes on. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** What to print on standard error, if anything, and how to exit. */
export function failureReport(error: unknown, json: boolean): { text: string; exitCode: number } {
  if (error instanceof CommanderError) {
    // Commander has printed its own message already; help and version are no failures.
    return { text: '', exitCode: error.exitCode === 0 ? EXIT.ok : EXIT.usage };
  }
  const { code, ids, exitCode } = classified(error);
  const message = error instanceof Error ? error.message : String(error);
  const text = json ? safeJson({ code, message, ids }) : `innkeeper: ${code}: ${printable(message)}`;
  return { text: `${text}\n`, exitCode };
}

function classified(error: unknown): { code: string; ids: Record<string, string>; exitCode: number } {
  if (error instanceof Refused)
    return { code: printable(error.code), ids: error.ids, exitCode: EXIT.refused };
  if (error instanceof Unreachable) return { code: 'unreachable', ids: {}, exitCode: EXIT.unreachable };
  if (error instanceof UsageError) return { code: 'usage', ids: {}, exitCode: EXIT.usage };
  if (error instanceof Interrupted) return { code: 'interrupted', ids: {}, exitCode: EXIT.interrupted };
  const ours = error instanceof Error && 'code' in error ? String(error.code) : 'internal';
  return { code: printable(ours), ids: {}, exitCode: EXIT.refused };
}
