// OpenStack's metadata service: versions, JSON documents, and the password Windows guests post.
import {
  ContextError,
  openStackMetaData,
  openStackNetworkData,
  openStackVendorData,
} from '../../contextualization/mod.ts';
import {
  type Answer,
  bytes,
  json,
  type MetadataRequest,
  notAllowed,
  notFound,
  reads,
  type Services,
  text,
} from './message.ts';
import { acceptPassword } from './password.ts';

export const OPENSTACK_ROOT = 'openstack';
const VERSIONS: readonly string[] = [
  '2012-08-10',
  '2013-04-04',
  '2013-10-17',
  '2015-10-15',
  '2016-06-30',
  '2016-10-06',
  '2017-02-22',
  '2018-08-27',
  '2020-10-14',
  'latest',
];

export function openStack(request: MetadataRequest, services: Services): Answer | Promise<Answer> {
  const [version, item, ...rest] = request.path;
  if (version === undefined) return reads(request) ? text(VERSIONS.join('\n')) : notAllowed('GET', 'HEAD');
  if (!VERSIONS.includes(version) || rest.length > 0) return notFound();
  if (item === 'password') return password(request, services);
  if (!reads(request)) return notAllowed('GET', 'HEAD');
  return document(request, item);
}

/** GET of an empty one means not yet posted; a client posts only then. */
function password(request: MetadataRequest, services: Services): Answer | Promise<Answer> {
  if (request.method === 'POST') return acceptPassword(request, services, 'encrypted');
  if (!reads(request)) return notAllowed('GET', 'HEAD', 'POST');
  return text(services.directory.encryptedPassword(request.guest.facts.vserverId) ?? '');
}

function document(request: MetadataRequest, item: string | undefined): Answer {
  const { facts } = request.guest;
  switch (item) {
    case undefined: {
      const names = ['meta_data.json', 'password', 'vendor_data.json', 'network_data.json'];
      return text((facts.userData.length > 0 ? [...names, 'user_data'] : names).join('\n'));
    }
    case 'meta_data.json':
      return json(openStackMetaData(facts));
    case 'network_data.json':
      return json(openStackNetworkData(facts));
    case 'vendor_data.json':
      return vendorData(request);
    case 'user_data':
      return facts.userData.length > 0 ? bytes(facts.userData) : notFound();
    default:
      return notFound();
  }
}

/** Vendor data that JSON cannot carry is not there in this dialect; the others have it as it is. */
function vendorData(request: MetadataRequest): Answer {
  try {
    return json(openStackVendorData(request.guest.facts));
  } catch (error) {
    if (error instanceof ContextError) return notFound();
    throw error;
  }
}
