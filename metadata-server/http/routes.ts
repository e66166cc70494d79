// Which dialect answers which path.
import { cloudStack } from './cloudstack.ts';
import { EC2_VERSIONS, ec2, isEc2Version } from './ec2.ts';
import { type Answer, bytes, type Dialect, notAllowed, reads, text } from './message.ts';
import { noCloud } from './nocloud.ts';
import { OPENSTACK_ROOT, openStack } from './openstack.ts';
import { systemData } from './system-data.ts';

/** By first part of the path; EC2's versions are told by their shape. */
const ROUTES: ReadonlyMap<string, Dialect> = new Map<string, Dialect>([
  ['user-data', (request) => plainUserData(request)],
  ['system-data', below(systemData)],
  [OPENSTACK_ROOT, below(openStack)],
  ['nocloud', below(noCloud)],
]);

/**
 * @param path parts of the path
 * @param toGateway the request came to the VNet's gateway address, where CloudStack's guests look for it
 */
export function dialectFor(path: string[], toGateway: boolean): Dialect | undefined {
  const [first] = path;
  if (first === undefined) return root;
  if (isEc2Version(first)) return toGateway ? cloudStack : ec2;
  return ROUTES.get(first);
}

function below(dialect: Dialect): Dialect {
  return (request, services) => dialect({ ...request, path: request.path.slice(1) }, services);
}

/** The whole of it, byte for byte, empty if nothing was given. */
function plainUserData(request: Parameters<Dialect>[0]): Answer {
  if (request.path.length > 1) return text('not found\n', 404);
  return reads(request) ? bytes(request.guest.facts.userData) : notAllowed('GET', 'HEAD');
}

function root(request: Parameters<Dialect>[0]): Answer {
  if (!reads(request)) return notAllowed('GET', 'HEAD');
  return text([...EC2_VERSIONS, 'latest', 'nocloud/', 'openstack/', 'system-data/', 'user-data'].join('\n'));
}
