// The shape of an event in the outbox.
import { type Static, Type } from '@sinclair/typebox';

/** An event as stored and delivered: numbered without gaps, in the order things happened. */
export const StoredEvent = Type.Object({
  seq: Type.Integer({ minimum: 1 }),
  /** ISO 8601 UTC. */
  time: Type.String(),
  /** "vserver.created", "vserver.state", "vnet.destroyed", "image.registered" … */
  type: Type.String(),
  /** Ids of what it is about, by kind: {vserver: "vs-…"}. */
  ids: Type.Record(Type.String(), Type.String()),
  /** What a receiver needs without asking back: the new state and reason, for example. */
  data: Type.Record(Type.String(), Type.Unknown()),
});
export type StoredEvent = Static<typeof StoredEvent>;
