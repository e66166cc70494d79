// OpenNebula's references in context variables: $NAME, $NIC[IP], $NIC[IP, NETWORK="x"], $4.$NAME, resolved from the facts.
import type { GuestFacts, GuestNic } from '../guest-facts.ts';
import { netmask, networkAddress } from './addresses.ts';

/** Scalars of a VServer that `$NAME` may mean; looked up without regard to case, as OpenNebula does. */
const SCALARS: Record<string, (facts: GuestFacts) => string> = {
  NAME: (facts) => facts.name,
  VMID: (facts) => facts.vserverId,
  UUID: (facts) => facts.uuid,
  HOSTNAME: (facts) => facts.hostname,
  UNAME: (facts) => facts.creator,
};

/** What `$NIC[…]` and `$NETWORK[…]` can ask of a NIC, and what they can select one by. */
const NIC_ATTRIBUTES: Record<string, (nic: GuestNic) => string> = {
  NIC_ID: (nic) => String(nic.position),
  MAC: (nic) => nic.mac,
  IP: (nic) => nic.ipv4?.address ?? '',
  IP6: (nic) => nic.ipv6?.address ?? '',
  IP6_GLOBAL: (nic) => nic.ipv6?.address ?? '',
  NETWORK: (nic) => nic.vnetName,
  NETWORK_ID: (nic) => nic.vnetId,
  NETWORK_ADDRESS: (nic) => (nic.ipv4 ? networkAddress(nic.ipv4) : ''),
  NETWORK_MASK: (nic) => (nic.ipv4 ? netmask(nic.ipv4) : ''),
  GATEWAY: (nic) => nic.ipv4?.gateway ?? '',
  GATEWAY6: (nic) => nic.ipv6?.gateway ?? '',
  DNS: (nic) => nic.dnsServers.join(' '),
  SEARCH_DOMAIN: (nic) => nic.searchDomains.join(' '),
  MTU: (nic) => String(nic.mtu),
  GUEST_MTU: (nic) => String(nic.mtu),
};

/**
 * `\$`, or (of a VServer of the same owner, if one is named first) a vector or a scalar. Every repetition is over a
 * class that cannot match what follows it and is bounded where it could begin anywhere: a hostile value costs linear time.
 */
const REFERENCE =
  /\\\$|(?:\$([\w-]{1,63})\.)?\$(?:(NIC|NETWORK)\[[ \t]*(\w+)(?:[ \t]*,[ \t]*(\w+)[ \t]*=[ \t]*(?:"([^"]*)"|(\w+)))?[ \t]*\]|(\w+))/gi;

/** Finds another VServer of the same owner by its id or name. */
export type Siblings = (reference: string) => GuestFacts | undefined;

/**
 * Replaces the references we know. A `$WORD` of another name stays as it is, so that a start script keeps its
 * own variables; `\$` becomes `$`. A NIC or attribute that does not exist gives the empty string, as in OpenNebula.
 * `$4.$NAME` is the name of VServer 4 where `siblings` finds one; where it does not, it is two words.
 */
export function resolveReferences(value: string, facts: GuestFacts, siblings?: Siblings): string {
  return value.replace(REFERENCE, (whole, other, vector, attribute, by, quoted, bare, scalar) => {
    if (whole === '\\$') return '$';
    // What the word before the dot means by itself comes first: `$NAME.$HOSTNAME` are two scalars of this VServer.
    const alone = other === undefined ? undefined : scalarOf(facts, other);
    const sibling = other === undefined || alone !== undefined ? undefined : siblings?.(other);
    const before = other === undefined || sibling ? '' : `${alone ?? `$${other}`}.`;
    const of = sibling ?? facts;
    if (vector !== undefined) {
      return before + nicAttribute(of, vector.toUpperCase(), attribute, by, quoted ?? bare);
    }
    return before + (scalarOf(of, scalar) ?? `${sibling ? `$${other}.` : ''}$${scalar}`);
  });
}

function scalarOf(facts: GuestFacts, word: string): string | undefined {
  const name = word.toUpperCase();
  return Object.hasOwn(SCALARS, name) ? SCALARS[name]!(facts) : undefined;
}

function nicAttribute(
  facts: GuestFacts,
  vector: string,
  attribute: string,
  by?: string,
  wanted?: string,
): string {
  const read = lookUp(attribute);
  if (read === undefined) return '';
  // A network is always named: OpenNebula has no "first network".
  if (by === undefined) return vector === 'NIC' && facts.nics[0] ? read(facts.nics[0]) : '';
  const select = lookUp(by);
  const nic = select && facts.nics.find((candidate) => select(candidate) === wanted);
  return nic ? read(nic) : '';
}

function lookUp(attribute: string): ((nic: GuestNic) => string) | undefined {
  const name = attribute.toUpperCase();
  return Object.hasOwn(NIC_ATTRIBUTES, name) ? NIC_ATTRIBUTES[name] : undefined;
}
