// Questions about the host itself and about operations.
import { Type } from '@sinclair/typebox';
import { MachineInventory } from '../capacity/machine.ts';
import { capacityReport } from '../capacity/report.ts';
import { CapacityReport } from '../capacity/report-schema.ts';
import { OperationRecord } from '../operations/journal.ts';
import { queryParams } from '../operations/parameters.ts';
import { InnkeeperError } from '../resources/errors.ts';
import { VERSION } from '../version.ts';
import { defineQuery } from './query.ts';

const operationId = { operationId: Type.String({ minLength: 1, maxLength: 128 }) };

export const getCapacity = defineQuery(
  {
    name: 'getCapacity',
    summary: 'What this host has, has promised, and can still promise.',
    right: 'observe',
    params: queryParams({}),
    result: CapacityReport,
    http: { verb: 'GET', path: '/v1/capacity' },
  },
  ({ host }) => capacityReport(host.config, host.inventory, host.totals, host.hypervisor.connected),
);

export const getHost = defineQuery(
  {
    name: 'getHost',
    summary: 'What kind of host this is: hypervisor, CPU, versions, warnings.',
    right: 'observe',
    params: queryParams({}),
    result: Type.Object({
      hostId: Type.String(),
      agentVersion: Type.String(),
      connected: Type.Boolean(),
      facts: Type.Optional(Type.Unknown()),
      /** Absent until the machine has told it, shortly after start. */
      machine: Type.Optional(MachineInventory),
      warnings: Type.Array(Type.String()),
    }),
    http: { verb: 'GET', path: '/v1/host' },
  },
  ({ host }) => {
    const { facts, machine } = host.totals;
    const emulated = facts?.emulated ? [`Guests run emulated and are slow: ${facts.emulated}`] : [];
    const away = host.hypervisor.connected ? [] : ['The hypervisor daemon is not connected.'];
    return {
      hostId: host.inventory.hostId,
      agentVersion: VERSION,
      connected: host.hypervisor.connected,
      ...(facts ? { facts } : {}),
      ...(machine ? { machine } : {}),
      warnings: [...emulated, ...away],
    };
  },
);

export const listVServerType = defineQuery(
  {
    name: 'listVServerType',
    summary: 'The VServerTypes this host offers.',
    right: 'observe',
    params: queryParams({}),
    result: Type.Array(
      Type.Object({
        name: Type.String(),
        vcpus: Type.Integer(),
        memoryMiB: Type.Integer(),
        diskGB: Type.Optional(Type.Number()),
        defaultVDisksGB: Type.Optional(Type.Array(Type.Number())),
        defaultVNets: Type.Optional(Type.Array(Type.String())),
        maxVDisks: Type.Optional(Type.Integer()),
        maxVNICs: Type.Optional(Type.Integer()),
        hugepages: Type.Optional(Type.String()),
        numaNode: Type.Optional(Type.Union([Type.Literal('any'), Type.Integer()])),
        cpuPinning: Type.Optional(Type.Boolean()),
      }),
    ),
    http: { verb: 'GET', path: '/v1/vserver-types' },
  },
  ({ host }) =>
    host.config.vserver_type.map((type) => ({
      name: type.name,
      vcpus: type.vcpus,
      memoryMiB: type.memory_mib,
      ...(type.disk_gb === undefined ? {} : { diskGB: type.disk_gb }),
      ...(type.default_vdisks_gb ? { defaultVDisksGB: type.default_vdisks_gb } : {}),
      ...(type.default_vnets ? { defaultVNets: type.default_vnets } : {}),
      ...(type.max_vdisks === undefined ? {} : { maxVDisks: type.max_vdisks }),
      ...(type.max_vnics === undefined ? {} : { maxVNICs: type.max_vnics }),
      ...(type.hugepages === undefined ? {} : { hugepages: type.hugepages }),
      ...(type.numa_node === undefined ? {} : { numaNode: type.numa_node }),
      ...(type.cpu_pinning ? { cpuPinning: true } : {}),
    })),
);

export const listOperation = defineQuery(
  {
    name: 'listOperation',
    summary: 'The latest operations, newest first.',
    right: 'observe',
    params: queryParams({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })) }),
    result: Type.Array(OperationRecord),
    http: { verb: 'GET', path: '/v1/operations' },
  },
  async ({ engine, params }) => engine.journal.recent(params.limit ?? 50),
);

export const getOperation = defineQuery(
  {
    name: 'getOperation',
    summary: 'State, progress and result of one operation.',
    right: 'observe',
    params: queryParams(operationId),
    result: OperationRecord,
    http: { verb: 'GET', path: '/v1/operations/{operationId}' },
  },
  async ({ engine, params }) => {
    const record =
      engine.running(params.operationId) ?? (await engine.journal.find(params.operationId))?.record;
    if (record) return record;
    const why = `There is no operation ${params.operationId}.`;
    throw new InnkeeperError('not-found', why, { operation: params.operationId });
  },
);

export const cancelOperation = defineQuery(
  {
    name: 'cancelOperation',
    summary: 'Asks a running operation to stop and undo itself.',
    right: 'operate',
    params: queryParams(operationId),
    result: Type.Object({ operationId: Type.String() }),
    http: { verb: 'POST', path: '/v1/operations/{operationId}/cancel' },
  },
  ({ engine, params }) => {
    engine.cancel(params.operationId);
    return { operationId: params.operationId };
  },
);
