// The HTTP API of a real agent as others see it: a validator, a generated client, Prometheus, a browser, a stranger.

import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import t from 'tap';
import { OPERATIONS } from '../../agent/operations/kinds.ts';
import { QUERIES } from '../../agent/queries/queries.ts';
import { ERROR_CODES } from '../../agent/resources/errors.ts';
import { preparedAgent } from '../helpers/agent-process.ts';
import { authority } from '../helpers/certificates.ts';
import { openApiFindings } from '../helpers/openapi-rules.ts';
import { metricsFindings } from '../helpers/promtool.ts';
import { eventually } from '../helpers/waiting.ts';
import { guestImage } from '../images/guest-image.ts';

const ours = await authority(t);
const server = await ours.issue('host');
const agent = await preparedAgent(t, { libvirtUri: 'test:///default' });
const file = async (name: string, content: string) => {
  const path = join(agent.folder, name);
  await writeFile(path, content);
  return path;
};
agent.configure({
  api_listener: {
    host: '127.0.0.1',
    port: 0,
    cert_file: await file('server.pem', server.cert),
    key_file: await file('server.key', server.key),
    ca_file: await file('ca.pem', ours.ca),
    caller: [
      { name: 'prometheus', right: 'observe', token_file: await file('see.token', 'see') },
      {
        name: 'owner',
        right: 'administer',
        certificate_name: 'owner',
        token_file: await file('do.token', 'do'),
      },
    ],
  },
});
await agent.start();
const apiPort = Number(/"apiPort":(\d+)/.exec(agent.log)?.[1]);

/** Asks over the UNIX socket. */
async function ask(path: string): Promise<{ status: number; type: string; body: string }> {
  return await new Promise((resolve, reject) => {
    const sent = request({ socketPath: agent.socket, path }, async (answer) => {
      const type = answer.headers['content-type'] ?? '';
      resolve({ status: answer.statusCode ?? 0, type, body: await text(answer) });
    });
    sent.on('error', reject).end();
  });
}

t.test('the OpenAPI document passes all rules of Spectral', async (t) => {
  const document = JSON.parse((await ask('/v1/openapi.json')).body);
  t.same(await openApiFindings(document), []);
  const broken = structuredClone(document);
  broken.paths['/v1/vservers'].post.operationId = 'listVServer';
  t.not((await openApiFindings(broken)).length, 0, 'which find something where there is something');
});

/** What the calls before have made. */
type Made = Record<string, string>;
type Call = [operation: string, params: (made: Made) => object | null, body?: (made: Made) => object];

const CALLS: Call[] = [
  ['getHealth', () => ({})],
  ['getMetrics', () => ({})],
  ['registerDiskImage', () => null, ({ image }) => ({ name: 'guest', uri: `file://${image}` })],
  ['getDiskImageAttributes', () => ({ imageId: 'guest' })],
  ['createVNet', () => null, () => ({ name: 'net', ipv4Subnet: '10.9.6.0/28' })],
  ['getVNetAttributes', () => ({ vnetId: 'net' })],
  [
    'createVServer',
    () => null,
    () => ({ name: 'web', type: 'tiny', imageId: 'guest', vnics: [{ vnetId: 'net' }], boot: false }),
  ],
  ['startVServer', () => ({ vserverId: 'web' })],
  ['getVServerAttributes', () => ({ vserverId: 'web' })],
  ['getVServerStatus', () => ({ vserverId: 'web' })],
  ['pauseVServer', () => ({ vserverId: 'web' })],
  ['resumeVServer', () => ({ vserverId: 'web' })],
  ['powerResetVServer', () => ({ vserverId: 'web' })],
  ['stopVServer', () => ({ vserverId: 'web' })],
  ['powerOffVServer', () => ({ vserverId: 'web' })],
  ['powerOnVServer', () => ({ vserverId: 'web' })],
  ['updateVServer', () => ({ vserverId: 'web' }), () => ({ autostart: true })],
  ['createVDisk', () => null, () => ({ name: 'data', sizeGB: 0.001 })],
  ['getVDiskAttributes', () => ({ vdiskId: 'data' })],
  ['resizeVDisk', () => ({ vdiskId: 'data' }), () => ({ sizeGB: 0.002 })],
  ['backupVDisk', () => ({ vdiskId: 'data' }), () => ({ name: 'copy' })],
  ['restoreVDisk', () => ({ vdiskId: 'data' }), () => ({ backupId: 'copy' })],
  ['destroyVDisk', () => ({ vdiskId: 'data' })],
  ['listVServer', () => ({})],
  ['listVNIC', () => ({ vserverId: 'web' })],
  ['listVDisk', () => ({})],
  ['listVNet', () => ({})],
  ['listDiskImage', () => ({})],
  ['listOperation', () => ({ limit: 3 })],
  ['listVServerType', () => ({})],
  ['getCapacity', () => ({})],
  ['getHost', () => ({})],
  ['listVServerUsage', () => ({})],
  ['listMeterSample', () => ({ limit: 3 })],
  ['call', () => ({ method: 'getHost' }), () => ({})],
  ['destroyVServer', () => ({ vserverId: 'web' })],
  ['destroyVNet', () => ({ vnetId: 'net' })],
  ['streamEvents', () => ({ after: 0, follow: 0 })],
];
/** Endless by nature; every other operation is called, those that are not listed above with names of nothing. */
const ENDLESS = ['streamOperationUpdates'];

t.test('a client generated from the document calls every operation', async (t) => {
  const { OpenAPIClientAxios } = await import('openapi-client-axios');
  const definition = JSON.parse((await ask('/v1/openapi.json')).body);
  const generator = new OpenAPIClientAxios({
    definition,
    axiosConfigDefaults: {
      socketPath: agent.socket,
      httpAgent: new Agent(),
      validateStatus: () => true,
      proxy: false,
    },
  });
  const client = await generator.init();
  const schemas = new Map(
    [...OPERATIONS, ...QUERIES].map(({ definition: { name, result } }) => [name, result as TSchema]),
  );
  const made: Made = { image: await guestImage() };
  const called = new Set<string>();
  for (const [operation, params, body] of CALLS) {
    const { status, data } = await client[operation]!(params(made) as never, body?.(made));
    t.equal(status, 200, `${operation} ${status === 200 ? '' : JSON.stringify(data)}`);
    const schema = schemas.get(operation);
    if (schema) t.ok(Value.Check(schema, data), `${operation} answers as its schema says`);
    called.add(operation);
  }
  for (const { operationId, parameters = [] } of generator.getOperations()) {
    if (called.has(operationId!) || ENDLESS.includes(operationId!)) continue;
    const inPath = (parameters as { name: string; in: string }[]).filter((each) => each.in === 'path');
    const nobody = Object.fromEntries(inPath.map(({ name }) => [name, 'nobody']));
    const { status, data } = await client[operationId!]!(nobody as never, {});
    const schema = schemas.get(operationId!);
    // A list of nothing needs no names.
    if (status === 200 && inPath.length === 0 && schema) {
      t.ok(Value.Check(schema, data), `${operationId} answers as its schema says`);
      continue;
    }
    t.ok(data.error?.code in ERROR_CODES && status >= 400, `${operationId}: ${data.error?.message}`);
    t.notMatch(data.error.message, /There is nothing at/);
  }
});

t.test('Prometheus finds nothing wrong with the metrics', async (t) => {
  await agent.call('createVNet', { name: 'a', ipv4Subnet: '10.9.6.0/28' });
  await agent.call('registerDiskImage', { name: 'again', uri: `file://${await guestImage()}` });
  const vserver = { name: 'm', type: 'tiny', imageId: 'again', vnics: [{ vnetId: 'a' }] };
  await agent.call('createVServer', vserver);
  const { type, body } = await ask('/metrics');
  t.match(type, /^text\/plain; version=0\.0\.4/);
  t.equal(await metricsFindings(body), '');
  t.match(body, /^innkeeper_vservers\{state="running"\} 1$/m);
  t.match(body, /^innkeeper_hypervisor_connected 1$/m);
  t.match(body, /^innkeeper_vserver_cpu_seconds_total\{vserver="vs-[0-9a-f]+",name="m"\} \d/m);
  t.match(body, /^innkeeper_pool_available\{pool="default"\} 1$/m);
  t.match(body, /^innkeeper_dhcp4_messages_total\{vnet="vnet-[0-9a-f]+",name="a",event="discover"\} 0$/m);
  t.not(
    await metricsFindings(body.replace('_total', '')),
    '',
    'and finds something where there is something',
  );
});

t.test('the capacity report counts addresses, and tells what the host is', async (t) => {
  const { vnetId } = await agent.call<{ vnetId: string }>('createVNet', {
    name: 'counted',
    ipv4Subnet: '10.9.2.0/29',
  });
  const free = async () => {
    const { networks } = await agent.call<{ networks: { vnetId: string; freeAddresses: number }[] }>(
      'getCapacity',
    );
    return networks.find((network) => network.vnetId === vnetId)?.freeAddresses;
  };
  const before = await free();
  const vserver = { name: 'n', type: 'tiny', imageId: 'again', vnics: [{ vnetId }], boot: false };
  await agent.call('createVServer', vserver);
  t.equal(await free(), before! - 1);
  t.match(await agent.call('getCapacity'), {
    kernel: /^\d+\./,
    agentVersion: /^\d+\./,
    cpuModel: /./,
    opennebula: {
      HOSTNAME: /./,
      TOTALCPU: Number,
      FREECPU: Number,
      TOTALMEMORY: Number,
      FREEMEMORY: Number,
      USEDMEMORY: Number,
      HYPERVISOR: 'test',
    },
    nodes: [{ id: Number, memoryMiB: Number }],
    cpu: { model: /./, features: Array },
    health: { status: 'ok', warnings: [] },
  });
  type Told = { machine?: { operatingSystem: string; processor: { threads: number } } };
  const told = await eventually(
    () => agent.call<Told>('getHost'),
    ({ machine }) => machine !== undefined,
    'the inventory of the machine',
  );
  t.match(told.machine, { operatingSystem: /./, processor: { threads: Number, flags: [/./] } });
});

t.test('health, and a page to browse', async (t) => {
  t.match(JSON.parse((await ask('/healthz')).body), { status: 'ok', warnings: [] });
  const { type, body } = await ask('/');
  t.match(type, /^text\/html/);
  for (const { definition } of [...OPERATIONS, ...QUERIES]) {
    t.match(body, `<details id="${definition.name}">`, definition.name);
  }
  t.notMatch(body, /<script|https?:\/\//, 'nothing runs in it and nothing is fetched from elsewhere');
});

/** Asks over the network. */
async function askTls(path: string, token?: string, tls: object = {}, method = 'GET', body = '') {
  return await new Promise<{ status: number; body: string }>((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const options = { host: '127.0.0.1', port: apiPort, ca: ours.ca, path, method, headers, ...tls };
    const sent = secureRequest({ ...options, agent: false }, async (answer) => {
      resolve({ status: answer.statusCode ?? 0, body: await text(answer) });
    });
    sent.on('error', reject).end(body);
  });
}

t.test('over the network, everyone gets what they have proved and no more', async (t) => {
  for (const path of [
    '/',
    '/healthz',
    '/metrics',
    '/v1/openapi.json',
    '/v1/vservers',
    '/v1/events',
    '/none',
  ]) {
    const { status, body } = await askTls(path);
    t.equal(status, 401, path);
    t.match(JSON.parse(body), { error: { code: 'forbidden' } });
  }
  t.equal((await askTls('/metrics', 'sea')).status, 401, 'a wrong token');
  t.equal((await askTls('/metrics', 'do')).status, 401, 'a token without its certificate');
  const expired = await ours.issue('owner', 'expired');
  t.equal((await askTls('/metrics', 'do', expired)).status, 401, 'an expired certificate');
  t.equal((await askTls('/metrics', 'see')).status, 200);
  const net = JSON.stringify({ name: 'far', ipv4Subnet: '10.9.5.0/28' });
  t.equal((await askTls('/v1/vnets', 'see', {}, 'POST', net)).status, 403, 'who may look may only look');
  t.equal((await askTls('/v1/call/createVNet', 'see', {}, 'POST', net)).status, 403);
  const owner = await ours.issue('owner');
  t.equal((await askTls('/v1/vnets', 'do', owner, 'POST', net)).status, 200);
  t.match(await agent.call('getVNetAttributes', { vnetId: 'far' }), { creator: 'owner' });
});
