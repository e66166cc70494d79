// Benchmark: our metadata service against a bare node:http server and nginx with one worker, over the same veth.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { makeWire, type Wire } from '../test/helpers/wires.ts';
import type { Session } from './lib/benchmark.ts';
import { startNginx } from './metadata/nginx.ts';

const run = promisify(execFile);
const CLIENT = '10.0.0.11';
const BODY_BYTES = 1_000;
const SECONDS = 3;
const CONNECTIONS = [64, 500];
/** All of them listen at the metadata address, ours where guests expect it. */
const PORTS = { ours: 80, bare_node: 8081, nginx: 8082 };
const cache = new URL('../.cache/bench/', import.meta.url).pathname;

export const name = 'metadata';

export const rounds = 5;

/** Three servers, each a process of its own, stand in one namespace; wrk asks from another. */
export async function prepare(): Promise<Session> {
  const wire = await makeWire('ikb', ['52:54:5e:00:00:01']);
  const servers: ChildProcess[] = [];
  const close = async () => {
    for (const server of servers) {
      const gone = once(server, 'exit');
      if (server.exitCode === null && server.kill('SIGTERM')) await gone;
    }
    await wire.remove();
  };
  try {
    for (const args of [`address add ${CLIENT}/24 dev eth0`, 'route add default via 10.0.0.1']) {
      await wire.inClient(0, 'ip', ...args.split(' '));
    }
    await mkdir(cache, { recursive: true });
    servers.push(await startNginx(wire.server, cache, PORTS.nginx, BODY_BYTES));
    servers.push(await node(['ours.ts', wire.server, CLIENT, String(BODY_BYTES)]));
    servers.push(await node(['bare-node.ts', String(PORTS.bare_node), String(BODY_BYTES)], wire.server));
    const cases = CONNECTIONS.flatMap((connections) =>
      Object.entries(PORTS).map(([server, port]) => [
        `${server}_${connections}`,
        () => load(wire, `${server}_${connections}`, port, connections),
      ]),
    );
    return { cases: Object.fromEntries(cases), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A program of this folder, in a namespace if one is given; ready when it says so. */
async function node([file = '', ...args]: string[], namespace?: string): Promise<ChildProcess> {
  const program = [process.execPath, new URL(`metadata/${file}`, import.meta.url).pathname, ...args];
  const [command = '', ...rest] = namespace ? ['ip', 'netns', 'exec', namespace, ...program] : program;
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error(`${file} has ended`))),
  ]);
  return child;
}

/** One run of wrk: the mean time of a request as seen by the server (1/rate), and the client's 99th percentile. */
async function load(
  wire: Wire,
  label: string,
  port: number,
  connections: number,
): Promise<Map<string, number>> {
  const inClient = ['netns', 'exec', wire.clients[0] as string];
  const wrk = [
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${SECONDS}s`,
    '--latency',
    '--timeout',
    '30s',
    `http://169.254.169.254:${port}/user-data`,
  ];
  const { stdout } = await run('ip', [...inClient, ...wrk]);
  if (/Non-2xx|Socket errors/.test(stdout))
    throw new Error(`${label}: not every request was answered:\n${stdout}`);
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  const [, value, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  const perUnit: Record<string, number> = { us: 0.001, ms: 1, s: 1000 };
  return new Map([
    [label, 1000 / rate],
    [`${label}_p99`, Number(value) * (perUnit[unit ?? ''] ?? Number.NaN)],
  ]);
}

/** Requests per second, ours divided by theirs, at 64 connections and at 500: above 1 we are faster. */
export function ratios(medians: Record<string, number>): Record<string, number> {
  const faster = (theirs: string, connections: number) =>
    (medians[`${theirs}_${connections}`] ?? Number.NaN) / (medians[`ours_${connections}`] ?? Number.NaN);
  return {
    rps_vs_bare_node: faster('bare_node', 64),
    rps_vs_nginx: faster('nginx', 64),
    rps_vs_bare_node_500: faster('bare_node', 500),
    rps_vs_nginx_500: faster('nginx', 500),
  };
}
