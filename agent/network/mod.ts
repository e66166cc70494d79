// The door of this folder: how the agent builds VNets and guards VNICs on its host.
export type { Reason } from './guest-rules.ts';
export { linkLocal } from './guest-rules.ts';
export { HostNetwork, type ObservedNetwork } from './host-network.ts';
export { legIsThere } from './inet.ts';
export {
  GATEWAY_DEVICE,
  METADATA_IPV4,
  METADATA_IPV6,
  type VNetNames,
  type VNicNames,
  vnetNames,
  vnicNames,
} from './names.ts';
export type { Link, VNicCounters } from './observe.ts';
export {
  checkSecurityRule,
  type GatewayPlan,
  type InetPlan,
  type SecurityRule,
  type TransportPlan,
  type VNetPlan,
  type VNicPlan,
} from './plans.ts';
export type { Run } from './run.ts';
export { watchRules } from './watch.ts';
