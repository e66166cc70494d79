// Connection URIs: which daemon to talk to, and which driver to ask it for.

export interface Target {
  /** What the daemon is asked to open, without transport and host: `qemu:///system`. */
  name: string;
  /** Sockets to try in turn, or a TCP address. */
  address: { sockets: string[] } | { host: string; port: number };
}

const URI = /^([a-z]+)(?:\+([a-z]+))?:\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/;
const DEFAULT_TCP_PORT = 16_509;

/** Each driver's own daemon where libvirt is split into one per driver. */
const MODULAR_DAEMONS: Record<string, string> = { qemu: 'virtqemud', xen: 'virtxend', lxc: 'virtlxcd' };

/**
 * Understands `driver:///path`, `driver+unix:///path?socket=/file` and `driver+tcp://host:port/path`.
 * @throws RangeError with what is wrong.
 */
export function parseUri(uri: string): Target {
  const match = URI.exec(uri);
  if (match === null) throw new RangeError(`${JSON.stringify(uri)} is not a libvirt URI like qemu:///system`);
  const [, driver = '', transport, authority = '', path = '/', query = ''] = match;
  const name = `${driver}://${path}`;
  if (transport === 'tcp') return { name, address: tcpAddress(uri, authority) };
  if (transport !== undefined && transport !== 'unix') {
    throw new RangeError(`${uri}: transport ${transport} is not supported; use unix or tcp`);
  }
  if (authority !== '') throw new RangeError(`${uri}: a host needs a transport (${driver}+tcp://…)`);
  const socket = new URLSearchParams(query).get('socket');
  return { name, address: { sockets: socket === null ? defaultSockets(driver) : [socket] } };
}

function tcpAddress(uri: string, authority: string): { host: string; port: number } {
  const parts = /^(\[[0-9a-fA-F:.]+\]|[^:@[\]]+)(?::(\d{1,5}))?$/.exec(authority);
  const port = Number(parts?.[2] ?? DEFAULT_TCP_PORT);
  if (parts === null || port > 65_535) throw new RangeError(`${uri}: expected host or host:port`);
  return { host: parts[1]!.replace(/^\[|\]$/g, ''), port };
}

function defaultSockets(driver: string): string[] {
  const sockets = ['/run/libvirt/libvirt-sock'];
  const modular = MODULAR_DAEMONS[driver];
  if (modular !== undefined) sockets.push(`/run/libvirt/${modular}-sock`);
  return sockets;
}
