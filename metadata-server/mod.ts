// The door of the metadata server: what a guest sees on the wire, DHCP and HTTP.
export {
  DEFAULT_LIMITS,
  type Guest,
  type GuestDirectory,
  type Limits,
  type Log,
  METADATA_ADDRESS,
  METADATA_ADDRESS_V6,
  MetadataError,
  type MetadataErrorCode,
  type ServedNetwork,
  type ServedSubnet,
} from './contract.ts';
export type { Counts, DhcpClient } from './dhcp-clients.ts';
export type { Dhcp4Event } from './dhcp4/service.ts';
export type { Dhcp6Event } from './dhcp6/service.ts';
export type { GuestHttpCounts } from './http/guest-counts.ts';
export { PASSWORD_MAX, type PasswordOutcome, takePassword, withoutLineEnding } from './http/password.ts';
export type { HttpCounts } from './http/service.ts';
export {
  type GuestCounters,
  MetadataServer,
  type MetadataServerOptions,
  type NetworkCounters,
} from './server.ts';
export type { KeptSocket, SocketKeeper } from './sockets/keeper.ts';
