// Share and cap of a domain under Xen's credit scheduler: the definition records them, and Xen forgets them with every
// domain, so they are said again whenever one starts.
import { type DomainRef, type LibvirtClient, LibvirtError, type TypedParam, XML } from '../libvirt/mod.ts';
import { METADATA_NAMESPACE } from '../libvirt-hypervisor/metadata.ts';
import { readFacts } from '../libvirt-hypervisor/read-xml.ts';
import { type XmlElement, xml } from '../libvirt-hypervisor/xml.ts';

/** libvirt's usual share is 1024, Xen's usual weight is 256. */
const SHARES_PER_WEIGHT = 4;
const MAX_WEIGHT = 65_535;
const PERIOD_US = 100_000;

/**
 * libvirt's Xen driver keeps it in a definition. It gives the share as it stands to every new domain for its weight, a
 * rebooted one too, so the weight is what is written; of the cap it knows nothing.
 */
export function cputuneXml(
  shares: number | undefined,
  capPercent: number | undefined,
): XmlElement | undefined {
  if (shares === undefined && capPercent === undefined) return undefined;
  return xml(
    'cputune',
    {},
    shares === undefined ? undefined : xml('shares', {}, weightOf(shares)),
    capPercent === undefined
      ? undefined
      : [
          xml('global_period', {}, PERIOD_US),
          xml('global_quota', {}, Math.round((capPercent * PERIOD_US) / 100)),
        ],
  );
}

function weightOf(shares: number): number {
  return Math.min(MAX_WEIGHT, Math.max(1, Math.round(shares / SHARES_PER_WEIGHT)));
}

/** The scheduler's parameters of a definition with `cputune`; a weight is relative, a cap is in percent of one CPU. */
export function schedulerParams(definition: string): TypedParam[] {
  const told = readFacts(definition);
  const value = (name: string): number => Number(told.text(['domain', 'cputune', name]));
  const params: TypedParam[] = [];
  const weight = value('shares');
  const quota = value('global_quota');
  if (weight > 0) params.push({ field: 'weight', type: 'uint', value: weight });
  if (quota > 0) {
    // Xen refuses a cap above what the vCPUs can use, which would be none.
    const most = 100 * Number(/<vcpu[^>]*>(\d+)</.exec(definition)?.[1] ?? 1);
    const cap = Math.min(most, Math.round((100 * quota) / value('global_period')));
    params.push({ field: 'cap', type: 'uint', value: cap });
  }
  return params;
}

/** libvirt can speak of the credit scheduler only, and says so when another one runs. */
export async function hasCredit(client: LibvirtClient): Promise<boolean> {
  try {
    await client.domains.tuning.scheduler(await client.domains.byName('Domain-0'));
    return true;
  } catch (error) {
    if (error instanceof LibvirtError) return false;
    throw error;
  }
}

/** Tells the scheduler what the definition of a running domain of ours says. */
export async function schedule(client: LibvirtClient, domain: DomainRef): Promise<void> {
  const definition = await client.domains.xml(domain, XML.inactive);
  if (!definition.includes(METADATA_NAMESPACE)) return;
  const params = schedulerParams(definition);
  if (params.length > 0) await client.domains.tuning.setScheduler(domain, params);
}

/** From now on, whoever starts a domain (its guest that reboots, a memory image, an operator): it is scheduled as defined. */
export async function keepScheduled(client: LibvirtClient): Promise<void> {
  const events = client.events({ types: ['lifecycle', 'connected', 'overflow'] });
  await scheduleAll(client);
  for await (const event of events) {
    if (event.type === 'lifecycle' && event.event === 'started')
      await unlessRefused(schedule(client, event.domain));
    if (event.type === 'connected' || event.type === 'overflow') await scheduleAll(client);
  }
}

async function scheduleAll(client: LibvirtClient): Promise<void> {
  const domains = await client.domains.list().catch(() => []);
  for (const domain of domains) await unlessRefused(schedule(client, domain));
}

/** It has stopped meanwhile, or libvirt has: `start` has told of its own failure, the next event or connection tries again. */
async function unlessRefused(done: Promise<void>): Promise<void> {
  await done.catch(() => {});
}
