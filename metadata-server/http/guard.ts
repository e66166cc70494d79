// Requests that no honest guest sends: proxied ones, rebound host names, strange targets. Refused before anything is looked up.
import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { METADATA_ADDRESS, METADATA_ADDRESS_V6, type ServedNetwork } from '../contract.ts';
import { type Answer, type Method, notAllowed, text } from './message.ts';

const METHODS: readonly Method[] = ['GET', 'HEAD', 'PUT', 'POST'];
/** A proxy (or a web application tricked into being one) says so in one of these. */
const PROXY_HEADERS: ReadonlySet<string> = new Set(['x-forwarded-for', 'x-forwarded-host', 'forwarded']);
/** Names of other lengths need not be compared. */
const LENGTHS: ReadonlySet<number> = new Set(
  [...PROXY_HEADERS, 'host', 'transfer-encoding', 'content-length'].map((name) => name.length),
);
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

/** What is looked at in the head of a request. */
interface Head {
  host: string | undefined;
  /** How often Host is given: Node shows the first only, another reader might take the last. */
  hosts: number;
  proxied: boolean;
  /** A body follows, or is said to. */
  body: boolean;
}

/** The refusal, or undefined for a request that may be looked at. */
export function refuse(request: IncomingMessage, hosts: ReadonlySet<string>): Answer | undefined {
  const { host, ...head } = headOf(request.rawHeaders);
  if (head.proxied) return text('requests passed on by a proxy are not answered\n', 403);
  // A web page that rebinds its own name to our address still says its own name here.
  // HTTP/1.0 clients (small firmware) may leave it out.
  if ((host !== undefined && !hosts.has(host) && !hosts.has(host.toLowerCase())) || head.hosts > 1) {
    return text('unknown host\n', 403);
  }
  if (host === undefined && request.httpVersion !== '1.0') return text('Host is missing\n', 400);
  const target = request.url ?? '';
  if (!target.startsWith('/') || target.length > LONGEST_TARGET) return text('bad request target\n', 400);
  if (!METHODS.includes(request.method as Method)) return notAllowed(...METHODS);
  if (!head.body || request.method === 'PUT' || request.method === 'POST') return undefined;
  return text('this request takes no body\n', 400);
}

/** One pass over names and values as they came, without making an object of them as Node would. */
function headOf(raw: readonly string[]): Head {
  const head: Head = { host: undefined, hosts: 0, proxied: false, body: false };
  for (let at = 0; at < raw.length; at += 2) {
    const [name, value] = [raw[at] as string, raw[at + 1] as string];
    if (!LENGTHS.has(name.length)) continue;
    const lower = name.toLowerCase();
    if (lower === 'host') {
      head.host ??= value;
      head.hosts += 1;
    } else if (lower === 'transfer-encoding' || (lower === 'content-length' && value !== '0'))
      head.body = true;
    else if (PROXY_HEADERS.has(lower)) head.proxied = true;
  }
  return head;
}
