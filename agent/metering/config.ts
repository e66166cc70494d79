// What innkeeper.toml says about metering.
import { type Static, Type } from '@sinclair/typebox';

export const MeteringConfig = Type.Object(
  {
    enabled: Type.Boolean({ default: true, help: 'Whether VServers are metered at all' }),
    interval_seconds: Type.Integer({
      default: 60,
      minimum: 1,
      maximum: 3600,
      help: 'Time between two samples; each takes one call to the hypervisor, however many VServers there are',
    }),
    keep_hours: Type.Number({
      default: 48,
      minimum: 0.01,
      maximum: 8784,
      help: 'How long samples are kept on this host, fetched or not; counted in samples, not by the clock',
    }),
    max_mib: Type.Integer({
      default: 256,
      minimum: 1,
      maximum: 1_048_576,
      help: 'Room for samples on the disk; when it is used up the oldest are dropped early',
    }),
  },
  {
    additionalProperties: false,
    default: {},
    help: 'What VServers use, sampled, kept for a while and sent to control planes',
  },
);
export type MeteringConfig = Static<typeof MeteringConfig>;
