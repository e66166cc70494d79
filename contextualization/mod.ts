// The one door of contextualization: renderings of a guest's facts, media made of them, and the ISO writer.
export { ContextError, type ContextErrorCode } from './errors.ts';
export type { GuestAddress, GuestFacts, GuestNic } from './guest-facts.ts';
export { type Layout, layOut } from './iso9660/layout.ts';
export { removeIso, type WriteOptions, writeIso } from './iso9660/write.ts';
export {
  CONTEXT_KINDS,
  type ContextKind,
  type ContextOptions,
  contextFiles,
  type NetworkSource,
  type SmbiosStrings,
  smbiosFor,
} from './kinds.ts';
export type { Medium, MediumFile } from './medium.ts';
export { networkConfigFile, networkConfigV2 } from './renderings/network-config.ts';
export { type NoCloudFile, noCloudFiles, noCloudMetaData } from './renderings/nocloud.ts';
export { openNebulaContext } from './renderings/opennebula.ts';
export { openStackMetaData, openStackNetworkData, openStackVendorData } from './renderings/openstack.ts';
export { ovfEnvironment } from './renderings/ovf.ts';
export { resolveReferences, type Siblings } from './renderings/references.ts';
export { toYaml } from './renderings/yaml.ts';
