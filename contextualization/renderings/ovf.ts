// The OVF environment document (DSP0243, clause 9.5) as cloud-init and cloudbase-init read it.
import { ContextError, shown } from '../errors.ts';
import type { GuestFacts } from '../guest-facts.ts';
import { networkConfigV2 } from './network-config.ts';
import { toYaml } from './yaml.ts';

const NAMESPACE = 'http://schemas.dmtf.org/ovf/environment/1';
/** Everything but tab, line feed and carriage return below U+0020, and noncharacters: not XML at all. */
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
/** Properties rendered from the facts, and those by which a client would go elsewhere for its data. */
const RESERVED = new Set([
  ...['instance-id', 'hostname', 'local-hostname', 'public-keys', 'user-data', 'network-config'],
  ...['configuration-service', 'seedfrom'],
]);

export interface OvfOptions {
  /** Where the guest finds the configuration service; `http://169.254.169.254/` if absent. */
  serviceUrl?: string;
}

/**
 * `ovf-env.xml`.
 * @throws ContextError `invalid` for a custom property with a reserved name or with characters XML has not
 */
export function ovfEnvironment(facts: GuestFacts, options: OvfOptions = {}): string {
  const properties: [string, string][] = [
    ['instance-id', facts.instanceId],
    ['hostname', facts.hostname],
    ['public-keys', facts.sshKeys.join('\n')],
    ['user-data', base64(facts.userData)],
    // cloud-init wants the configuration under the key `network` here, unlike in NoCloud's file.
    ['network-config', base64(Buffer.from(toYaml({ network: networkConfigV2(facts) })))],
    ['configuration-service', options.serviceUrl ?? 'http://169.254.169.254/'],
    ...customProperties(facts.variables),
  ];
  const rows = properties.filter(([, value]) => value !== '').map(propertyRow);
  return `<?xml version="1.0" encoding="UTF-8"?>
<Environment xmlns="${NAMESPACE}" xmlns:oe="${NAMESPACE}" oe:id="${attribute(facts.vserverId)}">
  <PlatformSection>
    <Kind>Innkeeper</Kind>
    <Version>1</Version>
    <Vendor>Innkeeper</Vendor>
    <Locale>en</Locale>
  </PlatformSection>
  <PropertySection>
${rows.join('\n')}
  </PropertySection>
</Environment>
`;
}

function customProperties(variables: Record<string, string>): [string, string][] {
  return Object.keys(variables)
    .sort()
    .map((key) => {
      if (RESERVED.has(key)) {
        throw new ContextError('invalid', `The OVF property ${key} is reserved; choose another name.`);
      }
      return [key, variables[key] as string];
    });
}

function propertyRow([key, value]: [string, string]): string {
  return `    <Property oe:key="${attribute(key)}" oe:value="${attribute(value)}"/>`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** Escaped so that a parser's attribute normalisation (XML 1.0, 3.3.3) gives the value back unchanged. */
function attribute(text: string): string {
  if (NOT_XML.test(text) || !text.isWellFormed()) {
    throw new ContextError(
      'invalid',
      `${shown(text)} has characters that XML cannot carry; encode it as base64.`,
    );
  }
  return text.replace(/[&<>"'\t\n\r\u007f-\u009f\u2028]/g, (c) => `&#${c.charCodeAt(0)};`);
}
