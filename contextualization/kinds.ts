// The media a guest may find: which files each has, its label, its bus, and the firmware strings that go with it.
import { ContextError } from './errors.ts';
import type { GuestFacts } from './guest-facts.ts';
import type { Medium, MediumFile } from './medium.ts';
import { noCloudFiles } from './renderings/nocloud.ts';
import { openNebulaContext } from './renderings/opennebula.ts';
import { openStackMetaData, openStackNetworkData, openStackVendorData } from './renderings/openstack.ts';
import { ovfEnvironment } from './renderings/ovf.ts';
import type { Siblings } from './renderings/references.ts';

export const CONTEXT_KINDS = ['opennebula', 'nocloud', 'config-drive', 'ovf'] as const;
export type ContextKind = (typeof CONTEXT_KINDS)[number];

/** Datasources a guest reaches over the network instead of on a medium. */
export type NetworkSource = 'nocloud-http' | 'openstack' | 'ec2' | 'cloudstack';

export interface ContextOptions {
  /** Further files for the guest: FILES of OpenNebula, beside the datasource's own on the others. */
  files?: MediumFile[];
  /** URL of the configuration service as the guest sees it; `http://169.254.169.254/` if absent. */
  serviceUrl?: string;
  /** Other VServers that OpenNebula's variables may refer to (`$4.$NAME`). */
  siblings?: Siblings;
}

/** Labels by which cloud-init's detector and one-context find each kind. */
const LABELS: Record<ContextKind, string> = {
  opennebula: 'CONTEXT',
  nocloud: 'cidata',
  'config-drive': 'config-2',
  ovf: 'OVF-TRANSPORT',
};

type Render = (facts: GuestFacts, options: ContextOptions) => MediumFile[];

const RENDER: Record<ContextKind, Render> = {
  opennebula: (facts, options) => {
    const fileNames = (options.files ?? []).map((file) => file.path);
    const { siblings } = options;
    return [text('context.sh', openNebulaContext(facts, { fileNames, ...(siblings ? { siblings } : {}) }))];
  },
  nocloud: (facts) => Object.entries(noCloudFiles(facts)).map(([path, content]) => ({ path, content })),
  'config-drive': (facts) => [
    json('openstack/latest/meta_data.json', openStackMetaData(facts)),
    json('openstack/latest/network_data.json', openStackNetworkData(facts)),
    json('openstack/latest/vendor_data.json', openStackVendorData(facts)),
    ...(facts.userData.byteLength > 0
      ? [{ path: 'openstack/latest/user_data', content: facts.userData }]
      : []),
  ],
  ovf: (facts, { serviceUrl }) => [
    text('ovf-env.xml', ovfEnvironment(facts, serviceUrl === undefined ? {} : { serviceUrl })),
  ],
};

/**
 * What belongs on a context medium of this kind. Pure: the same facts give the same files, label and time.
 * @throws ContextError when the facts cannot be said in this kind's format
 */
export function contextFiles(kind: ContextKind, facts: GuestFacts, options: ContextOptions = {}): Medium {
  const time = new Date(facts.createTime);
  if (Number.isNaN(time.getTime())) {
    throw new ContextError('invalid', 'The time of creation is not an ISO 8601 time.');
  }
  return { label: LABELS[kind], files: [...RENDER[kind](facts, options), ...(options.files ?? [])], time };
}

/** Strings of the guest's firmware tables (SMBIOS types 1 and 3). */
export interface SmbiosStrings {
  manufacturer: string;
  product: string;
  serial: string;
}

/**
 * Strings that lead the guest's detector (cloud-init's ds-identify) to the datasource and to no other.
 * @throws ContextError `invalid` for `ec2` when the VServer's UUID does not begin with "ec2"
 */
export function smbiosFor(
  kind: ContextKind | NetworkSource,
  facts: Pick<GuestFacts, 'vserverId' | 'uuid'>,
  options: Pick<ContextOptions, 'serviceUrl'> = {},
): SmbiosStrings {
  const base = { manufacturer: 'Innkeeper', product: 'VServer', serial: facts.vserverId };
  switch (kind) {
    case 'nocloud-http': {
      // "nocloud-net" is understood by every version; plain "nocloud" with a URL only by recent ones.
      const url = new URL('nocloud/', options.serviceUrl ?? 'http://169.254.169.254/');
      return { ...base, serial: `ds=nocloud-net;s=${url.href}` };
    }
    case 'openstack':
      return { ...base, product: 'OpenStack Nova' };
    case 'cloudstack':
      return { ...base, product: 'CloudStack KVM Hypervisor' };
    case 'ec2':
      if (!facts.uuid.toLowerCase().startsWith('ec2')) {
        throw new ContextError(
          'invalid',
          `cloud-init takes only UUIDs that begin with "ec2" for EC2, not ${facts.uuid}.`,
        );
      }
      return { ...base, serial: facts.uuid.toLowerCase() };
    default:
      return base;
  }
}

function text(path: string, content: string): MediumFile {
  return { path, content: Buffer.from(content) };
}

function json(path: string, value: object): MediumFile {
  return text(path, `${JSON.stringify(value, null, 2)}\n`);
}
