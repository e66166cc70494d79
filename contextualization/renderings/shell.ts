// Shell assignments that give back every byte of their values, in any POSIX shell.
import { ContextError, shown } from '../errors.ts';

/** A name that POSIX lets a shell variable have (XBD 3.230). */
export const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * `NAME='value'` with a line feed. Inside single quotes the shell looks for nothing but the next quote, so only
 * that has to be written otherwise.
 * @throws ContextError `invalid` for a name no shell takes, or a value with NUL or broken Unicode
 */
export function assignment(name: string, value: string): string {
  if (!SHELL_NAME.test(name)) {
    throw new ContextError(
      'invalid',
      `${shown(name)} cannot be a context variable: use letters, digits and _, not beginning with a digit.`,
    );
  }
  if (value.includes('\0')) {
    throw new ContextError(
      'invalid',
      `The context variable ${name} has a NUL character; encode it as base64.`,
    );
  }
  if (!value.isWellFormed()) {
    throw new ContextError('invalid', `The context variable ${name} is not well-formed Unicode.`);
  }
  return `${name}='${value.replaceAll("'", "'\\''")}'\n`;
}
