// Seals small secrets (initial passwords) at rest with a key that never leaves this host.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { InnkeeperError } from '../resources/errors.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM; every sealed text is bound to the resource it belongs to. */
export class Seal {
  readonly #key: Buffer;

  private constructor(key: Buffer) {
    this.#key = key;
  }

  /** Reads the key file, or makes it (mode 0600, on disk before it is used). */
  static async open(path: string): Promise<Seal> {
    try {
      const file = await open(path, 'wx', 0o600);
      const key = randomBytes(KEY_BYTES);
      try {
        await file.writeFile(key);
        await file.sync();
      } finally {
        await file.close();
      }
      return new Seal(key);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const key = await readFile(path);
    if (key.length !== KEY_BYTES)
      throw new InnkeeperError('internal', `The key file ${path} is not ${KEY_BYTES} bytes long.`);
    return new Seal(key);
  }

  /** A key of its own for another purpose (RFC 5869): the same for as long as this host has its key. */
  derive(purpose: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#key, '', purpose, KEY_BYTES));
  }

  seal(plain: Uint8Array, boundTo: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(boundTo));
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64');
  }

  /** @throws InnkeeperError `internal` if it was sealed by another key or for another resource */
  unseal(sealed: string, boundTo: string): Buffer {
    const bytes = Buffer.from(sealed, 'base64');
    const nonce = bytes.subarray(0, NONCE_BYTES);
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(boundTo));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    } catch (error) {
      throw new InnkeeperError(
        'internal',
        `What is sealed for ${boundTo} cannot be opened with this host's key.`,
        {},
        error,
      );
    }
  }
}
