// What innkeeper.toml says about control planes: those the agent dials, and those that may dial the agent.
import { type Static, Type } from '@sinclair/typebox';
import { Name } from '../resources/names.ts';

const closed = { additionalProperties: false };
const Path = Type.String({ pattern: '^/', maxLength: 512, description: 'An absolute path' });
const Right = Type.Union([Type.Literal('observe'), Type.Literal('operate'), Type.Literal('administer')], {
  default: 'administer',
});

/** One `[[control_plane]]`: the agent dials it. */
export const ControlPlaneConfig = Type.Object(
  {
    name: Name,
    url: Type.String({ pattern: '^wss?://', maxLength: 1024, description: 'A ws:// or wss:// address' }),
    right: Right,
    /** File with the bearer token. */
    token_file: Type.Optional(Path),
    ca_file: Type.Optional(Path),
    cert_file: Type.Optional(Path),
    key_file: Type.Optional(Path),
    /** SHA-256 of the public key (SubjectPublicKeyInfo, RFC 7469 section 2.4) of its certificate, as base64. */
    pin_sha256: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^[A-Za-z0-9+/]{43}=$',
          description: 'The SHA-256 of a public key in base64, 44 characters',
        }),
        { minItems: 1, maxItems: 8 },
      ),
    ),
    /** Longest wait between two attempts to reach it. */
    reconnect_max_seconds: Type.Integer({ default: 60, minimum: 1, maximum: 3600 }),
  },
  closed,
);
export type ControlPlaneConfig = Static<typeof ControlPlaneConfig>;

/** One caller that may come in by the network; it proves all that is named here, and something must be. */
export const AdmittedConfig = Type.Object(
  {
    name: Name,
    right: Right,
    token_file: Type.Optional(Path),
    /** Common name of a client certificate that `ca_file` has signed. */
    certificate_name: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  },
  closed,
);
export type AdmittedConfig = Static<typeof AdmittedConfig>;

/** `[control_plane_listener]`: the agent listens, control planes dial. Absent: nothing listens. */
export const ListenerConfig = Type.Object(
  {
    host: Type.String({ format: 'ip', default: '0.0.0.0' }),
    port: Type.Integer({ minimum: 0, maximum: 65_535 }),
    cert_file: Type.Optional(Path),
    key_file: Type.Optional(Path),
    ca_file: Type.Optional(Path),
    control_plane: Type.Array(AdmittedConfig, { minItems: 1, maxItems: 32 }),
  },
  closed,
);
export type ListenerConfig = Static<typeof ListenerConfig>;
