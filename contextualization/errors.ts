// The one error of contextualization: what was asked cannot be put on a medium, and why.

/** `invalid`: the input is wrong; `unsupported`: it is legal, but this medium cannot carry it. */
export type ContextErrorCode = 'invalid' | 'unsupported';

/** Thrown by everything in this folder that refuses its input; the message is a sentence for a person. */
export class ContextError extends Error {
  override readonly name = 'ContextError';
  readonly code: ContextErrorCode;

  constructor(code: ContextErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A string from outside as it may appear in a message: quoted, escaped, and cut at 80 characters. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
