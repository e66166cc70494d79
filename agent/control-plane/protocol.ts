// The messages of innkeeper.v1 besides the agent's own methods; docs/control-plane-protocol.md is made from these.
import { type Static, Type } from '@sinclair/typebox';
import { StoredEvent } from '../inventory/outbox.ts';
import { MeterSample } from '../metering/sample.ts';
import type { HelloFacts } from '../methods.ts';
import { OperationRecord } from '../operations/journal.ts';

/** WebSocket sub-protocol (RFC 6455, section 1.9) and version of the protocol. */
export const SUBPROTOCOL = 'innkeeper.v1';

/** Parameters of `hello`, which the agent sends first. */
export const Hello = Type.Object({
  hostId: Type.String(),
  hostname: Type.String(),
  agentVersion: Type.String(),
  protocolVersions: Type.Array(Type.String()),
  hypervisor: Type.String(),
  features: Type.Record(Type.String(), Type.Boolean()),
  /** Newest event there is. */
  lastSequence: Type.Integer({ minimum: 0 }),
  /** Last event that this control plane has acknowledged, as the agent remembers it. */
  acknowledged: Type.Integer({ minimum: 0 }),
  /** Largest message the agent takes, in bytes. */
  maxMessageBytes: Type.Integer({ minimum: 1 }),
  /** Absent where VServers are not metered. */
  metering: Type.Optional(
    Type.Object({
      intervalSeconds: Type.Integer({ minimum: 1 }),
      /** Newest sample there is. */
      lastSequence: Type.Integer({ minimum: 0 }),
      /** Last sample that this control plane has acknowledged, as the agent remembers it. */
      acknowledged: Type.Integer({ minimum: 0 }),
    }),
  ),
});
export type Hello = Static<typeof Hello> & HelloFacts;

/** The control plane's answer to `hello`. Unknown members are left for later versions. */
export const HelloAnswer = Type.Object({
  /** Last event the control plane has kept; events above it are sent. Absent: the agent's own memory counts. */
  acknowledged: Type.Optional(Type.Integer({ minimum: 0 })),
  /** How often `capacity` comes when nothing changes. */
  capacityIntervalSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
  /** Present: samples are sent, those above `acknowledged`, which works as the one for events. */
  metering: Type.Optional(Type.Object({ acknowledged: Type.Optional(Type.Integer({ minimum: 0 })) })),
});
export type HelloAnswer = Static<typeof HelloAnswer>;

/** Parameters of `acknowledge` and `acknowledgeSamples`: everything up to this number has been kept. */
export const Acknowledge = Type.Object(
  { seq: Type.Integer({ minimum: 0 }) },
  { additionalProperties: false },
);

/** Parameters of `samples`: one or more rounds, each with all VServers there are. */
export const Samples = Type.Object({ samples: Type.Array(MeterSample, { minItems: 1 }) });

/** What the agent sends without being asked, by method. */
export const NOTIFICATIONS = {
  /** Result of `getCapacity`. */
  capacity: Type.Unknown(),
  event: StoredEvent,
  operation: OperationRecord,
  samples: Samples,
} as const;
