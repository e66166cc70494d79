// Opens a WebSocket to a control plane with the credentials of the moment.
import { createHash, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { WebSocket } from 'ws';
import { InnkeeperError } from '../resources/errors.ts';
import { SUBPROTOCOL } from './protocol.ts';

/** Proofs of who the agent is, and of who may be believed. PEM text or bytes. */
export interface Credentials {
  /** Sent as `Authorization: Bearer`. */
  token?: string;
  /** Authorities to believe instead of the system's. */
  ca?: string | Buffer;
  /** Client certificate and its key. */
  cert?: string | Buffer;
  key?: string | Buffer;
}

/**
 * The URL, if it can be dialled.
 * @throws InnkeeperError `invalid` for another scheme, or a token that would travel in clear over a network
 */
export function checkedUrl(url: string, hasToken: boolean): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['ws:', 'wss:'].includes(parsed.protocol) || parsed.username || parsed.hash) {
    throw new InnkeeperError(
      'invalid',
      'A control plane is named by a URL of the form wss://HOST[:PORT][/PATH].',
    );
  }
  if (parsed.protocol === 'ws:' && hasToken && !isLoopback(parsed.hostname)) {
    throw new InnkeeperError('invalid', `The token would travel in clear to ${parsed.host}; use wss://.`);
  }
  return parsed;
}

/** True for names and addresses of this host itself. */
export function isLoopback(hostname: string): boolean {
  if (['localhost', '[::1]', '::1'].includes(hostname)) return true;
  return isIP(hostname) === 4 && hostname.startsWith('127.');
}

/** The usual check of the name, and that the public key is one of those expected (RFC 7469, section 2.6). */
function pinned(pins: readonly string[]) {
  return (host: string, certificate: PeerCertificate): Error | undefined => {
    const wrong = checkServerIdentity(host, certificate);
    if (wrong) return wrong;
    const pin = publicKeyPin(certificate.raw);
    return pins.includes(pin)
      ? undefined
      : new Error(`The certificate of ${host} has the public key ${pin}, which is not one of those pinned.`);
  };
}

/** SHA-256 of a certificate's public key in base64, as it is pinned; takes DER or PEM. */
export function publicKeyPin(certificate: Buffer | string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

/** Resolves with an open, paused connection that speaks our protocol; the caller then owns it. */
export async function dial(
  url: string,
  credentials: Credentials,
  limits: { maxMessageBytes: number; openTime: number; pins?: readonly string[] },
  signal: AbortSignal,
): Promise<WebSocket> {
  signal.throwIfAborted();
  const { token, ...tls } = credentials;
  const { pins } = limits;
  const socket = new WebSocket(checkedUrl(url, token !== undefined), SUBPROTOCOL, {
    ...tls,
    ...(pins ? { checkServerIdentity: pinned(pins) } : {}),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    maxPayload: limits.maxMessageBytes,
    handshakeTimeout: limits.openTime,
    perMessageDeflate: false,
    followRedirects: false,
  });
  const give = () => socket.terminate();
  signal.addEventListener('abort', give);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => {
        // A message right behind the handshake must wait until the session listens.
        socket.pause();
        resolve();
      });
      socket.on('error', reject);
    });
    return socket;
  } finally {
    signal.removeEventListener('abort', give);
  }
}
