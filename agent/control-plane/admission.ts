// Decides which control plane an incoming connection belongs to, by its bearer token and its client certificate.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Caller, Right } from '../methods.ts';
import { InnkeeperError } from '../resources/errors.ts';

/** A control plane that may come in; it must prove everything that is named here, and something must be. */
export interface AdmittedControlPlane {
  name: string;
  right: Right;
  token?: string;
  /** Common name of a client certificate that the listener's authority has signed. */
  certificateName?: string;
}

/** @throws InnkeeperError `invalid` for a control plane that would have to prove nothing */
export function checkAdmitted(controlPlanes: readonly AdmittedControlPlane[], hasAuthority: boolean): void {
  for (const { name, token, certificateName } of controlPlanes) {
    if (!token && !certificateName) {
      throw new InnkeeperError('invalid', `The control plane ${name} needs a token or a certificate name.`);
    }
    if (certificateName && !hasAuthority) {
      throw new InnkeeperError(
        'invalid',
        `No authority is configured that could sign the certificate of ${name}.`,
      );
    }
  }
}

/** Who asks, or nobody. */
export function admit(
  controlPlanes: readonly AdmittedControlPlane[],
  request: IncomingMessage,
): Caller | undefined {
  const given = /^Bearer ([^ ]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const certified = certifiedName(request);
  const found = controlPlanes.find(
    ({ token, certificateName }) =>
      (token === undefined || (given !== undefined && sameSecret(token, given))) &&
      (certificateName === undefined || certificateName === certified),
  );
  return found && { name: found.name, right: found.right };
}

/** The common name of the peer's certificate; none if it was not signed by our authority or is out of its time. */
function certifiedName({ socket }: IncomingMessage): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? name : undefined;
}

/** Compares digests, so that neither the time nor the length tells anything. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
