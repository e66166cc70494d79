// The files of cloud-init's NoCloud datasource; the same on a medium and over HTTP.
import type { GuestFacts } from '../guest-facts.ts';
import { networkConfigFile } from './network-config.ts';
import { toYaml } from './yaml.ts';

export type NoCloudFile = 'meta-data' | 'user-data' | 'vendor-data' | 'network-config';

/** `meta-data`: instance-id, host name, keys and the custom variables under `meta`. */
export function noCloudMetaData(facts: GuestFacts): string {
  return toYaml({
    'instance-id': facts.instanceId,
    'local-hostname': facts.hostname,
    'public-keys': facts.sshKeys,
    meta: sorted(facts.variables),
  });
}

/** All four files. */
export function noCloudFiles(facts: GuestFacts): Record<NoCloudFile, Uint8Array> {
  return {
    'meta-data': Buffer.from(noCloudMetaData(facts)),
    'user-data': facts.userData,
    'vendor-data': facts.vendorData,
    'network-config': Buffer.from(networkConfigFile(facts)),
  };
}

/** A record's entries by key, so that the order they were given in does not show. */
export function sorted(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
