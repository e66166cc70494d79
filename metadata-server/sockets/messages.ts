// The conversation between the agent and the child that opens sockets inside a namespace.

/** Connections that may wait to be accepted (`net.core.somaxconn` permitting): a host's guests may boot all at once. */
export const BACKLOG = 4_096;

/** One socket to open. The name comes back with the handle. */
export type SocketRequest =
  /** `handles`: how many to send of the one socket (1 if absent). Each accepts one connection per turn of the event loop. */
  | { name: string; kind: 'tcp'; address: string; port: number; backlog?: number; handles?: number }
  /** A listening socket the opener was started with: sent as so many further handles. */
  | { name: string; kind: 'inherited'; descriptor: number; backlog: number; handles: number }
  | { name: string; kind: 'udp4'; address: string; port: number }
  /** All addresses, and the multicast group on `device`. */
  | { name: string; kind: 'udp6'; port: number; group: string; device: string };

/** Agent → opener: open these; a further list may follow once the first is acknowledged. */
export interface OpenCommand {
  open: SocketRequest[];
}

/** Agent → opener: everything arrived, end. */
export interface EndCommand {
  end: true;
}

/** Opener → agent. `opened` and `connection` carry a handle; `done` ends one list. */
export type OpenerMessage =
  | { type: 'ready' }
  | { type: 'opened'; name: string }
  | { type: 'connection'; name: string }
  | { type: 'done' }
  | { type: 'failed'; name: string; code: string; message: string };
