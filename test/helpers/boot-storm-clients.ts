// Run inside a client namespace: many guests that boot at the same moment. DHCP, then every path that cloud-init reads.
// Usage: node boot-storm-clients.ts COUNT PATHS-AS-JSON     prints one line of JSON
import dgram from 'node:dgram';
import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { stormAddress, stormMac } from './boot-storm.ts';
import { dhcpMessage, octets, readReply } from './dhcp-packets.ts';

const DISCOVER = 1;
const REQUEST = 3;
const ACK = 5;
const NEEDED: [number, number[]] = [55, [1, 3, 6, 12, 26, 121]];
/** As real clients do: try again, after twice the time (RFC 2131, section 4.1). */
const FIRST_RETRY_MS = 1_000;
const TRIES = 7;
const METADATA = '169.254.169.254';

/** One request: method, path, and where to if it is not the metadata address. */
interface Asked {
  path: string;
  host?: string;
}

interface Storm {
  dhcpMs: number[];
  httpMs: number[];
  /** Messages and requests sent again. */
  retries: number;
  failures: string[];
}

const storm: Storm = { dhcpMs: [], httpMs: [], retries: 0, failures: [] };
const socket = dgram.createSocket('udp4');
const waiting = new Map<number, (reply: ReturnType<typeof readReply>) => void>();
socket.on('message', (data) => {
  const reply = readReply(data);
  waiting.get(reply.xid)?.(reply);
});

/** Sends until the answer of that type comes. */
async function exchange(xid: number, packet: Buffer, type: number) {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const answered = new Promise<ReturnType<typeof readReply>>((resolve) => {
      waiting.set(xid, (reply) => {
        if (reply.options.get(53)?.[0] === type) resolve(reply);
      });
    });
    socket.send(packet, 67, '255.255.255.255');
    const reply = await Promise.race([answered, sleep(FIRST_RETRY_MS * 2 ** Math.min(attempt, 3))]);
    if (reply) return reply;
    storm.retries++;
  }
  throw new Error(`no answer of type ${type}`);
}

async function lease(index: number): Promise<string> {
  const [mac, xid] = [stormMac(index), 0x1000 + index];
  const offer = await exchange(xid, dhcpMessage({ xid, mac, flags: 0x8000 }, [[53, [DISCOVER]], NEEDED]), 2);
  const choice: [number, number[]][] = [
    [53, [REQUEST]],
    [50, octets(offer.yiaddr)],
    [54, offer.options.get(54) ?? []],
    NEEDED,
  ];
  const ack = await exchange(xid, dhcpMessage({ xid, mac, flags: 0x8000 }, choice), ACK);
  return ack.yiaddr;
}

interface Reply {
  status: number;
  body: string;
}

function ask(agent: http.Agent, options: http.RequestOptions): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = http.request({ agent, host: METADATA, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.on('error', reject).end();
  });
}

async function boot(index: number, paths: Asked[]): Promise<void> {
  const begin = performance.now();
  const address = await lease(index);
  storm.dhcpMs.push(performance.now() - begin);
  if (address !== stormAddress(index)) throw new Error(`leased ${address}`);
  const agent = new http.Agent({
    keepAlive: true,
    maxSockets: 1,
    localAddress: address,
  } as http.AgentOptions);
  const timed = async (options: http.RequestOptions) => {
    const start = performance.now();
    const asked = { ...options, localAddress: address };
    const reply = await ask(agent, asked).catch((error: NodeJS.ErrnoException) => {
      // A connection kept open may be closed as idle while a slow guest is about to use it; clients then ask again.
      if (error.code !== 'ECONNRESET') throw error;
      storm.retries++;
      return ask(agent, asked);
    });
    storm.httpMs.push(performance.now() - start);
    return reply;
  };
  const lifetime = { 'X-aws-ec2-metadata-token-ttl-seconds': '600' };
  const token = await timed({ method: 'PUT', path: '/latest/api/token', headers: lifetime });
  for (const { path, host } of paths) {
    const headers = { 'X-aws-ec2-metadata-token': token.body };
    const { status, body } = await timed({ path, headers, ...(host ? { host } : {}) });
    if (status !== 200) throw new Error(`${path}: ${status}`);
    if (path.endsWith('/user-data') && body !== `user data of guest ${index}\n`)
      throw new Error(`${path}: ${body}`);
  }
  agent.destroy();
}

const count = Number(process.argv[2]);
const paths = JSON.parse(process.argv[3] ?? '[]') as Asked[];
socket.bind(68);
await once(socket, 'listening');
socket.setBroadcast(true);
socket.setRecvBufferSize(4 << 20);
const begin = performance.now();
const guests = Array.from({ length: count }, (_, index) =>
  boot(index, paths).catch((error: Error) => {
    storm.failures.push(`guest ${index}: ${error.message}`);
  }),
);
await Promise.all(guests);
socket.close();
process.stdout.write(`${JSON.stringify({ ...storm, seconds: (performance.now() - begin) / 1000 })}\n`);
