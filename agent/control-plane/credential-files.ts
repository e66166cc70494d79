// Credentials kept in files, read anew for every attempt, so that renewing them needs no restart.
import { readFile } from 'node:fs/promises';
import { InnkeeperError } from '../resources/errors.ts';
import type { Credentials } from './dial.ts';

/** Paths of the files; a token's file may end with a line break, the others are PEM. */
export interface CredentialFiles {
  token?: string | undefined;
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
}

/** A source for `ControlPlaneOptions.credentials`. Its calls reject with `invalid` naming a file that cannot be read. */
export function credentialFiles(files: CredentialFiles): () => Promise<Credentials> {
  return async () => {
    const [token, ca, cert, key] = await Promise.all(
      [files.token, files.ca, files.cert, files.key].map(read),
    );
    return {
      ...(token === undefined ? {} : { token: checkedToken(token.trim(), files.token) }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    };
  };
}

async function read(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new InnkeeperError('invalid', `The credential ${path} cannot be read: ${(error as Error).message}`);
  }
}

/** Syntax of a bearer token by RFC 6750, section 2.1; anything else could break out of the header. */
function checkedToken(token: string, path: string | undefined): string {
  if (/^[A-Za-z0-9._~+/-]+=*$/.test(token)) return token;
  throw new InnkeeperError(
    'invalid',
    `The file ${path} holds no bearer token: one word of letters, digits and ._~+/-=`,
  );
}
