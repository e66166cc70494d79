// CloudStack's virtual-router metadata, at the gateway address guests learn from their lease, and its password service.
import type { GuestFacts, GuestNic } from '../../contextualization/guest-facts.ts';
import { sessionRefusal } from './ec2.ts';
import {
  type Answer,
  bytes,
  type MetadataRequest,
  notAllowed,
  notFound,
  reads,
  type Services,
  text,
} from './message.ts';
import { answerFrom, type Items, items } from './tree.ts';

/** Port of the password service, on the gateway address. */
export const PASSWORD_PORT = 8080;

/** Path: version, then `meta-data/…` or `user-data`. It has no sessions of its own, so EC2's rule holds. */
export function cloudStack(request: MetadataRequest, services: Services): Answer {
  const refusal = sessionRefusal(request, services);
  if (refusal) return refusal;
  if (!reads(request)) return notAllowed('GET', 'HEAD');
  const [, area, ...rest] = request.path;
  const { facts, nic } = request.guest;
  if (area === undefined) return text('meta-data\nuser-data');
  if (area === 'user-data' && rest.length === 0) return bytes(facts.userData);
  return area === 'meta-data' ? answerFrom(metaDataItems(facts, nic), rest) : notFound();
}

function metaDataItems(facts: GuestFacts, nic: GuestNic): Items {
  return items([
    ['service-offering', facts.vserverType],
    // cloud-init gives the whole datasource up without it.
    ['availability-zone', 'innkeeper'],
    ['local-ipv4', nic.ipv4?.address],
    ['local-hostname', facts.hostname],
    ['public-ipv4', nic.publicIpv4 ?? nic.ipv4?.address],
    ['public-hostname', facts.hostname],
    ['instance-id', facts.instanceId],
    ['vm-id', facts.uuid],
    ['public-keys', facts.sshKeys.length > 0 ? facts.sshKeys.join('\n') : undefined],
    ['cloud-identifier', 'CloudStack-{innkeeper}'],
  ]);
}

/**
 * The password service: guests ask for a password the cloud has set and then confirm it. Ours make their own
 * (initial password), so the answer is the one that means "you have it already".
 */
export function cloudStackPassword(request: MetadataRequest): Answer {
  const asked = request.header('domu_request');
  return text(asked === 'send_my_password' || asked === 'saved_password' ? 'saved_password' : 'bad_request');
}
