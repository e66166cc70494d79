// From an open socket to an open hypervisor: authentication, features, connect_open.
import { ProtocolError } from '../errors.ts';
import type { Connection } from './connection.ts';
import type { KeepaliveOptions } from './keepalive.ts';

/** remote_auth_type. */
const AUTH = { none: 0, sasl: 1, polkit: 2 } as const;
/** VIR_DRV_FEATURE_PROGRAM_KEEPALIVE; asking for it also makes libvirtd ping us. */
const FEATURE_KEEPALIVE = 10;

export interface Handshake {
  /** The driver to open, `qemu:///system`. */
  name: string;
  /** VIR_CONNECT_RO and friends; 0 for read and write. */
  flags: number;
  /** Absent: neither side pings (for connections that may pause reading). */
  keepalive?: KeepaliveOptions;
}

/** @throws LibvirtError, ProtocolError (an authentication we cannot do), ConnectionLostError. */
export async function shakeHands(connection: Connection, handshake: Handshake): Promise<void> {
  await authenticate(connection);
  if (handshake.keepalive !== undefined) {
    const { supported } = await connection.call('connect_supports_feature', { feature: FEATURE_KEEPALIVE });
    if (supported) connection.startKeepalive(handshake.keepalive);
  }
  await connection.call('connect_open', { name: handshake.name, flags: handshake.flags });
}

async function authenticate(connection: Connection): Promise<void> {
  const { types } = await connection.call('auth_list', undefined);
  if (types.length === 0 || types.includes(AUTH.none)) return;
  if (types.includes(AUTH.polkit)) {
    const { complete } = await connection.call('auth_polkit', undefined);
    if (complete) return;
    throw new ProtocolError('polkit did not allow access to libvirtd');
  }
  throw new ProtocolError(
    'libvirtd wants SASL authentication, which this client does not do; use its UNIX socket, or auth_tcp = "none"',
  );
}
