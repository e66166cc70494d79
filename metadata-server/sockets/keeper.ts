// Sockets that outlive the process which serves them: somebody else holds them open, and guests only wait.

export interface KeptSocket {
  /** Printable ASCII without a colon, at most 255 octets. */
  name: string;
  /** File descriptor, open in this process. */
  descriptor: number;
}

/** Whoever holds them. Without one, sockets are closed with the process and opened anew by the next. */
export interface SocketKeeper {
  /** What earlier processes left under names that begin so, once: to be served or closed by the caller. */
  take(prefix: string): KeptSocket[];
  /** Holds these open from now on. Never fails: what cannot be kept is opened anew one day. */
  keep(sockets: readonly KeptSocket[]): Promise<void>;
  /** Lets go of everything under names that begin so; when it resolves, their ports are free once we have closed ours. */
  forget(prefix: string): Promise<void>;
}

export const NO_KEEPER: SocketKeeper = {
  take: () => [],
  keep: async () => {},
  forget: async () => {},
};
