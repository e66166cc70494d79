// Runs the HTTP side on loopback, where 127.0.0.x plays the guests' addresses, and asks it things.
import http from 'node:http';
import net from 'node:net';
import { SessionTokens } from '../../metadata-server/http/ec2-token.ts';
import { dialectFor } from '../../metadata-server/http/routes.ts';
import { HttpService, type Router } from '../../metadata-server/http/service.ts';
import { DEFAULT_LIMITS, type GuestDirectory, type Limits } from '../../metadata-server/mod.ts';
import { silentLog } from './guest-facts.ts';

export interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
  bytes: Buffer;
}

export interface Asker {
  service: HttpService;
  port: number;
  /** Asks as the guest at `from` (default 127.0.0.1). Rejects when the connection is closed without an answer. */
  ask(path: string, options?: AskOptions): Promise<Reply>;
  close(): Promise<void>;
}

export interface AskOptions {
  method?: string;
  headers?: http.OutgoingHttpHeaders;
  body?: string | Buffer;
  from?: string;
}

export async function serveHttp(
  directory: GuestDirectory,
  limits: Partial<Limits> = {},
  router: Router = (path) => dialectFor(path, false),
): Promise<Asker> {
  const network = {
    vnetId: 'vnet-a',
    namespace: 'none',
    device: 'lo',
    ipv4: { address: '10.0.0.1', prefixLength: 24 },
    mtu: 1500,
    leaseSeconds: 60,
  };
  const services = { directory, tokens: new SessionTokens(Buffer.alloc(32, 7)) };
  const service = new HttpService(network, services, silentLog, { ...DEFAULT_LIMITS, ...limits });
  const listener = net.createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as net.AddressInfo;
  service.serve('metadata', listener, router);
  return { service, port, ask: (path, options) => askAt(port, path, options), close: () => service.close() };
}

function askAt(port: number, path: string, options: AskOptions = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port,
        path,
        agent: false,
        localAddress: options.from ?? '127.0.0.1',
        method: options.method ?? 'GET',
        headers: { Host: '169.254.169.254', ...options.headers },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () => {
          const bytes = Buffer.concat(parts);
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, body: bytes.toString(), bytes });
        });
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

/** Sends raw octets and collects what comes back until the server closes. */
export function sendRaw(port: number, octets: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      answer += text;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    socket.write(octets);
  });
}
