// Takes libvirt's event messages apart and hands them to every subscriber.
import { LibvirtError } from './errors.ts';
import { EventQueue } from './event-queue.ts';
import { type DomainEvent, type DomainEventType, EVENTS } from './protocol/events.ts';
import type { Connection } from './rpc/connection.ts';
import { type Frame, PROGRAMS } from './rpc/frame.ts';
import { Reader } from './rpc/xdr.ts';

/** What subscribers see: the domains' events and the client's own. */
export type LibvirtEvent =
  | DomainEvent
  /** The daemon cannot be asked; the client tries again by itself. */
  | { type: 'disconnected'; reason: string }
  /** It can be asked (again), and events flow; what happened meanwhile must be found out by listing. */
  | { type: 'connected' }
  /** This subscriber was too slow; the oldest `dropped` events are gone for it. */
  | { type: 'overflow'; dropped: number };

interface Subscriber {
  queue: EventQueue<LibvirtEvent>;
  types: ReadonlySet<string> | undefined;
}

const BY_PROCEDURE = new Map(
  Object.entries(EVENTS).map(([type, definition]) => [definition.procedure, { type, definition }]),
);

export class EventHub {
  readonly #wanted: readonly DomainEventType[];
  readonly #capacity: number;
  readonly #subscribers = new Set<Subscriber>();
  #missing: DomainEventType[] = [];
  #ended = false;

  constructor(wanted: readonly DomainEventType[] | undefined, capacity: number) {
    this.#wanted = wanted ?? (Object.keys(EVENTS) as DomainEventType[]);
    this.#capacity = capacity;
  }

  /** Kinds asked for that the daemon refused because it does not know them. */
  get missing(): readonly DomainEventType[] {
    return this.#missing;
  }

  subscribe(options: { types?: readonly string[]; capacity?: number } = {}): EventQueue<LibvirtEvent> {
    const subscriber: Subscriber = {
      types: options.types && new Set([...options.types, 'connected', 'disconnected']),
      queue: new EventQueue<LibvirtEvent>({
        capacity: options.capacity ?? this.#capacity,
        overflow: (dropped) => ({ type: 'overflow', dropped }),
        onEnd: () => this.#subscribers.delete(subscriber),
      }),
    };
    if (this.#ended) subscriber.queue.end();
    else this.#subscribers.add(subscriber);
    return subscriber.queue;
  }

  /** Asks the daemon for every wanted kind, all at once. */
  async register(connection: Connection): Promise<void> {
    const missing: DomainEventType[] = [];
    const one = async (type: DomainEventType): Promise<void> => {
      try {
        const eventId = EVENTS[type].id;
        await connection.call('connect_domain_event_callback_register_any', { eventId, dom: null });
      } catch (error) {
        // Older daemons and other drivers lack newer events; lifecycle they all have, or nothing works.
        if (!(error instanceof LibvirtError) || type === 'lifecycle') throw error;
        missing.push(type);
      }
    };
    await Promise.all(this.#wanted.map(one));
    this.#missing = missing;
  }

  /**
   * A message has arrived. Bound, because it is handed over as a callback.
   * @throws ProtocolError for an event that cannot be read: one lost event makes all later ones doubtful.
   */
  readonly receive = (frame: Frame): void => {
    if (frame.program !== PROGRAMS.remote) return;
    const known = BY_PROCEDURE.get(frame.procedure);
    if (known !== undefined) this.announce(known.definition.decode(new Reader(frame.body)));
  };

  /** Hands an event to every subscriber; no subscriber can hold up another. */
  announce(event: LibvirtEvent): void {
    for (const { queue, types } of this.#subscribers) {
      if (types === undefined || types.has(event.type)) queue.push(event);
    }
  }

  /** Ends every iteration after what is still queued. */
  end(): void {
    this.#ended = true;
    for (const { queue } of [...this.#subscribers]) queue.end();
  }
}
