// EC2's instance metadata (IMDS), version 1 where the VServer allows it and version 2.
import type { GuestFacts, GuestNic } from '../../contextualization/guest-facts.ts';
import { TOKEN_TTL_MAX, TOKEN_TTL_MIN } from './ec2-token.ts';
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
import { subnetOf } from './subnet.ts';
import { answerFrom, type Items, items } from './tree.ts';

/** Versions existing clients ask for by date; all show the same tree. */
export const EC2_VERSIONS: readonly string[] = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
  '2011-01-01',
  '2011-05-01',
  '2012-01-12',
  '2014-02-25',
  '2014-11-05',
  '2015-10-20',
  '2016-04-19',
  '2016-06-30',
  '2016-09-02',
  '2018-03-28',
  '2018-08-17',
  '2018-09-24',
  '2019-10-01',
  '2020-10-27',
  '2021-01-03',
  '2021-03-23',
  '2021-07-15',
];
const VERSIONS: ReadonlySet<string> = new Set([...EC2_VERSIONS, 'latest']);
const TOKEN_HEADER = 'x-aws-ec2-metadata-token';
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';
/** EC2 shows instance tags only under names that fit a path. */
const TAG_NAME = /^[\w.:=+@,-]{1,255}$/;

export function isEc2Version(part: string): boolean {
  return VERSIONS.has(part);
}

/** Path: version, then `meta-data/…`, `user-data`, `dynamic/…` or `api/token`. */
export function ec2(request: MetadataRequest, services: Services): Answer {
  const [, area, ...rest] = request.path;
  if (area === 'api' && rest.join('/') === 'token') return issueToken(request, services);
  const refusal = sessionRefusal(request, services);
  if (refusal) return refusal;
  if (!reads(request)) return notAllowed('GET', 'HEAD');
  const { facts, nic } = request.guest;
  if (area === undefined) {
    return text(facts.userData.length > 0 ? 'dynamic\nmeta-data\nuser-data' : 'dynamic\nmeta-data');
  }
  if (area === 'meta-data') return metaData(facts, nic, rest);
  if (area === 'user-data' && rest.length === 0) {
    return facts.userData.length > 0 ? bytes(facts.userData) : notFound();
  }
  return area === 'dynamic' ? dynamic(facts, nic, rest) : notFound();
}

/** A token shown must be good; one not shown is missed only where the VServer's owner requires it. */
export function sessionRefusal(request: MetadataRequest, services: Services): Answer | undefined {
  const { facts } = request.guest;
  const token = request.header(TOKEN_HEADER);
  const accepted =
    typeof token === 'string' ? services.tokens.valid(facts, token, Date.now()) : facts.allowImdsV1;
  return accepted ? undefined : text('a session token is needed: PUT /latest/api/token\n', 401);
}

function issueToken(request: MetadataRequest, services: Services): Answer {
  if (request.method !== 'PUT') return notAllowed('PUT');
  const asked = String(request.header(TTL_HEADER) ?? '');
  const ttl = /^\d{1,5}$/.test(asked) ? Number(asked) : 0;
  if (ttl < TOKEN_TTL_MIN || ttl > TOKEN_TTL_MAX) {
    return text(`${TTL_HEADER} must be ${TOKEN_TTL_MIN} to ${TOKEN_TTL_MAX}\n`, 400);
  }
  const token = services.tokens.issue(request.guest.facts, ttl, Date.now());
  return text(token, 200, { 'X-Aws-Ec2-Metadata-Token-Ttl-Seconds': String(ttl) });
}

function metaData(facts: GuestFacts, nic: GuestNic, path: string[]): Answer {
  const all = metaDataItems(facts, nic);
  // The one folder that lists more than names (EC2 user guide, "public-keys/").
  if (path.join('/') === 'public-keys' && facts.sshKeys.length > 0) {
    return text(facts.sshKeys.map((key, i) => `${i}=${keyName(key, i)}`).join('\n'));
  }
  return answerFrom(all, path);
}

/** An OpenSSH key's comment where it can be a name, else its number. */
export function keyName(key: string, index: number): string {
  const comment = key.trim().split(/\s+/)[2] ?? '';
  return /^[\w.@+-]{1,128}$/.test(comment) ? comment : `key-${index}`;
}

function metaDataItems(facts: GuestFacts, nic: GuestNic): Items {
  return items([
    ['ami-id', facts.diskImageId],
    ['ami-launch-index', '0'],
    ['hostname', facts.hostname],
    ['instance-action', 'none'],
    ['instance-id', facts.instanceId],
    ['instance-life-cycle', 'on-demand'],
    ['instance-type', facts.vserverType],
    ['ipv6', nic.ipv6?.address],
    ['local-hostname', facts.hostname],
    ['local-ipv4', nic.ipv4?.address],
    ['mac', nic.mac],
    ...facts.nics.flatMap((each) => interfaceItems(facts, each)),
    ['public-ipv4', nic.publicIpv4],
    ['product-codes', facts.productIds.length > 0 ? facts.productIds.join('\n') : undefined],
    ...facts.sshKeys.map((key, i) => [`public-keys/${i}/openssh-key`, key] as const),
    ['reservation-id', facts.vserverId],
    ['security-groups', 'default'],
    ...Object.entries(facts.variables)
      .filter(([name]) => TAG_NAME.test(name))
      .map(([name, value]) => [`tags/instance/${name}`, value] as const),
  ]);
}

function interfaceItems(facts: GuestFacts, nic: GuestNic): (readonly [string, string | undefined])[] {
  const below = `network/interfaces/macs/${nic.mac}`;
  return [
    [`${below}/device-number`, String(nic.position)],
    [`${below}/interface-id`, nic.vnicId],
    [`${below}/ipv6s`, nic.ipv6?.address],
    [`${below}/local-hostname`, facts.hostname],
    [`${below}/local-ipv4s`, nic.ipv4?.address],
    [`${below}/mac`, nic.mac],
    [`${below}/public-ipv4s`, nic.publicIpv4],
    [`${below}/ipv4-associations/${nic.publicIpv4}`, nic.publicIpv4 && nic.ipv4?.address],
    [`${below}/owner-id`, facts.creator],
    [`${below}/subnet-id`, nic.vnetId],
    [`${below}/subnet-ipv4-cidr-block`, nic.ipv4 && subnetOf(nic.ipv4)],
    [`${below}/subnet-ipv6-cidr-blocks`, nic.ipv6 && subnetOf(nic.ipv6)],
  ];
}

function dynamic(facts: GuestFacts, nic: GuestNic, path: string[]): Answer {
  const document = {
    accountId: facts.creator,
    imageId: facts.diskImageId,
    instanceId: facts.instanceId,
    instanceType: facts.vserverType,
    pendingTime: facts.createTime,
    privateIp: nic.ipv4?.address ?? null,
    version: '2017-09-30',
  };
  return answerFrom(items([['instance-identity/document', JSON.stringify(document)]]), path);
}
