// Why a guest has no address: asks the host, the rules and the services at the time of the question.
import { Type } from '@sinclair/typebox';
import type { Host } from '../host.ts';
import { vnetNames } from '../network/mod.ts';
import { find } from '../operations/find.ts';
import { queryParams, vnetId } from '../operations/parameters.ts';
import { Reference } from '../resources/names.ts';
import type { VNic } from '../resources/vnet.ts';
import { defineQuery } from './query.ts';
import { type Finding, verdict, vnicFindings } from './vnic-findings.ts';

const FindingSchema = Type.Object({
  level: Type.Union([Type.Literal('good'), Type.Literal('note'), Type.Literal('problem')]),
  about: Type.String(),
  text: Type.String(),
});

const VNicExplanation = Type.Object(
  {
    vnicId: Type.String(),
    vserverId: Type.String(),
    ipv4Address: Type.Optional(Type.String()),
    ipv6Address: Type.Optional(Type.String()),
    verdict: Type.String({ description: 'The first problem, or that there is none' }),
    findings: Type.Array(FindingSchema),
  },
  { $id: 'VNicExplanation' },
);

/** One look at the host for all of them. */
async function explain(host: Host, vnics: readonly VNic[]) {
  const [seen, counters] = await Promise.all([host.network.observe(), host.network.counters()]);
  return vnics.map((vnic) => {
    const findings: Finding[] = vnicFindings({
      vnic,
      vserver: host.inventory.get('vserver', vnic.vserverId)!,
      bridge: vnetNames(host.config.prefix, vnic.vnetId).bridge,
      vnetComplete: seen.vnets.some(({ id, complete }) => id === vnic.vnetId && complete),
      tap: seen.links.get(vnic.device),
      ruled: seen.ruled.includes(vnic.device),
      frames: counters.get(vnic.device),
      services: host.metadata.counters(vnic.vnetId),
    });
    return {
      vnicId: vnic.id,
      vserverId: vnic.vserverId,
      ...(vnic.ipv4 ? { ipv4Address: vnic.ipv4 } : {}),
      ...(vnic.ipv6 ? { ipv6Address: vnic.ipv6 } : {}),
      verdict: verdict(findings),
      findings,
    };
  });
}

export const explainVNic = defineQuery(
  {
    name: 'explainVNIC',
    summary: 'Why the guest has an address on this VNIC, or has none.',
    right: 'observe',
    params: queryParams({ vnicId: Reference }),
    result: VNicExplanation,
    http: { verb: 'GET', path: '/v1/vnics/{vnicId}/explanation' },
  },
  async ({ host, params }) => (await explain(host, [find(host.inventory, 'vnic', params.vnicId)]))[0],
);

export const explainVNet = defineQuery(
  {
    name: 'explainVNet',
    summary: 'Why the guests of a VNet have addresses, or have none.',
    right: 'observe',
    params: queryParams(vnetId),
    result: Type.Array(VNicExplanation),
    http: { verb: 'GET', path: '/v1/vnets/{vnetId}/explanation' },
  },
  ({ host, params }) => {
    const vnet = find(host.inventory, 'vnet', params.vnetId);
    return explain(
      host,
      host.inventory.list('vnic').filter((vnic) => vnic.vnetId === vnet.id),
    );
  },
);
