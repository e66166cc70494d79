// The conversation between the agent and the program that opens sockets inside namespaces.

/** Connections that may wait to be accepted (`net.core.somaxconn` permitting): a host's guests may boot all at once. */
export const BACKLOG = 4_096;

/** One socket to open, under a name of ours. */
export type SocketRequest =
  /** `handles`: how many to send of the one socket (1 if absent). Each accepts one connection per turn of the event loop. */
  | { name: string; kind: 'tcp'; address: string; port: number; backlog?: number; handles?: number }
  /** A listening socket the opener was started with: sent as so many further handles. */
  | { name: string; kind: 'inherited'; descriptor: number; handles: number }
  | { name: string; kind: 'udp4'; address: string; port: number }
  /** All addresses, and the multicast group on `device`. */
  | { name: string; kind: 'udp6'; port: number; group: string; device: string };

/** Opener → agent, `id` being the request's. `opened` carries a handle; one of the others ends the request. */
export type OpenerMessage =
  | { type: 'opened'; id: number }
  | { type: 'done'; id: number }
  | { type: 'failed'; id: number; code: string; message: string };

/** The line that asks for it. */
export function requestLine(id: number, namespace: string, request: SocketRequest): string {
  const words = (): (string | number)[] => {
    switch (request.kind) {
      case 'tcp':
        return [request.address, request.port, request.backlog ?? BACKLOG, request.handles ?? 1];
      case 'inherited':
        return [request.descriptor, request.handles];
      case 'udp4':
        return [request.address, request.port];
      case 'udp6':
        return [request.port, request.group, request.device];
    }
  };
  return `${[id, namespace, request.kind, ...words()].join(' ')}\n`;
}
