// Requests that no honest guest sends: proxied ones, rebound host names, strange targets. Refused before anything is looked up.
import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { METADATA_ADDRESS, METADATA_ADDRESS_V6, type ServedNetwork } from '../contract.ts';
import { type Answer, type Method, notAllowed, text } from './message.ts';

const METHODS: readonly Method[] = ['GET', 'HEAD', 'PUT', 'POST'];
/** A proxy (or a web application tricked into being one) says so in one of these. */
const PROXY_HEADERS = ['x-forwarded-for', 'x-forwarded-host', 'forwarded'] as const;
const LONGEST_TARGET = 1_024;

/** Literals a client may name as Host: the service's addresses, with or without the port it came to. */
export function allowedHosts(network: ServedNetwork): ReadonlySet<string> {
  const hosts = new Set<string>();
  const addresses = [METADATA_ADDRESS, METADATA_ADDRESS_V6, network.ipv4?.address, network.ipv6?.address];
  for (const address of addresses) {
    if (address === undefined) continue;
    const literal = isIPv6(address) ? `[${address.toLowerCase()}]` : address;
    hosts.add(literal).add(`${literal}:80`).add(`${literal}:8080`);
  }
  return hosts;
}

/** The refusal, or undefined for a request that may be looked at. */
export function refuse(request: IncomingMessage, hosts: ReadonlySet<string>): Answer | undefined {
  const { headers } = request;
  if (PROXY_HEADERS.some((name) => headers[name] !== undefined)) {
    return text('requests passed on by a proxy are not answered\n', 403);
  }
  const { host } = headers;
  // A web page that rebinds its own name to our address still says its own name here.
  // HTTP/1.0 clients (small firmware) may leave it out.
  if ((host !== undefined && !hosts.has(host) && !hosts.has(host.toLowerCase())) || isTwice(request, host)) {
    return text('unknown host\n', 403);
  }
  if (host === undefined && request.httpVersion !== '1.0') return text('Host is missing\n', 400);
  const target = request.url ?? '';
  if (!target.startsWith('/') || target.length > LONGEST_TARGET) return text('bad request target\n', 400);
  if (!METHODS.includes(request.method as Method)) return notAllowed(...METHODS);
  return bodyRefusal(request);
}

/** True when Host is given more than once: Node shows the first only, another reader might take the last. */
function isTwice({ rawHeaders }: IncomingMessage, host: string | undefined): boolean {
  if (host === undefined) return false;
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') count++;
  }
  return count > 1;
}

/** A body is for PUT and POST only. */
function bodyRefusal(request: IncomingMessage): Answer | undefined {
  if (request.method === 'PUT' || request.method === 'POST') return undefined;
  const length = request.headers['content-length'] ?? '0';
  if (length === '0' && request.headers['transfer-encoding'] === undefined) return undefined;
  return text('this request takes no body\n', 400);
}
