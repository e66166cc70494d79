// Questions about what VServers have used.
import { Type } from '@sinclair/typebox';
import { MeterSample, measure, VServerUsage } from '../metering/sample.ts';
import { queryParams } from '../operations/parameters.ts';
import { InnkeeperError } from '../resources/errors.ts';
import { Reference } from '../resources/names.ts';
import { defineQuery } from './query.ts';

export const listVServerUsage = defineQuery(
  {
    name: 'listVServerUsage',
    summary: 'What each VServer has used up to now: its counters, by one call to the hypervisor.',
    right: 'observe',
    params: queryParams({}),
    result: Type.Array(VServerUsage),
    http: { verb: 'GET', path: '/v1/vserver-usage' },
  },
  async ({ host }) => {
    const machines = await host.hypervisor.list();
    return measure(host.inventory, machines, new Date().toISOString());
  },
);

export const listMeterSample = defineQuery(
  {
    name: 'listMeterSample',
    summary: 'What VServers have used: the latest samples, or those after a number, in order.',
    right: 'observe',
    params: queryParams({
      vserverId: Type.Optional(Reference),
      after: Type.Optional(Type.Integer({ minimum: 0, description: 'Only samples above this number' })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: '100 if absent' })),
    }),
    result: Type.Array(MeterSample),
    http: { verb: 'GET', path: '/v1/meter-samples' },
  },
  async ({ host, params }) => {
    const { meters, inventory } = host;
    if (!meters)
      throw new InnkeeperError('unsupported', 'This host is configured not to meter its VServers.');
    const { vserverId, after, limit = 100 } = params;
    if (vserverId === undefined) return meters.read(limit, after);
    const known =
      inventory.get('vserver', vserverId) ?? inventory.list('vserver').find(({ name }) => name === vserverId);
    // One that was destroyed is still known by its id, as long as its samples are.
    const samples = await meters.read(limit, after, known?.id ?? vserverId);
    if (known || samples.length > 0) return samples;
    const why = `There is no VServer ${vserverId} on this host, and no samples of one with this id.`;
    throw new InnkeeperError('not-found', why, { vserver: vserverId });
  },
);
