// What innkeeper.toml says about control planes: those the agent dials, and those that may dial the agent.
import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Name } from '../resources/names.ts';

const closed = { additionalProperties: false };
const Path = Type.String({ pattern: '^/', maxLength: 512, description: 'An absolute path' });
const Right = Type.Union([Type.Literal('observe'), Type.Literal('operate'), Type.Literal('administer')], {
  default: 'administer',
  help: 'What it may do',
});
/** The same schema with words about this key, for docs/configure.md and the packaged innkeeper.toml. */
const help = <S extends TSchema>(schema: S, text: string): S => ({ ...schema, help: text });
const TokenFile = help(Path, 'File with the bearer token');

/** One `[[control_plane]]`: the agent dials it. */
export const ControlPlaneConfig = Type.Object(
  {
    name: help(Name, 'Its events are counted under this name; another name gets them anew'),
    url: Type.String({
      pattern: '^wss?://',
      maxLength: 1024,
      description: 'A ws:// or wss:// address',
      help: 'Where the agent connects to',
    }),
    right: Right,
    token_file: Type.Optional(TokenFile),
    ca_file: Type.Optional(help(Path, 'File with the certificates that its own is checked against (PEM)')),
    cert_file: Type.Optional(help(Path, 'File with the certificate of this host (PEM)')),
    key_file: Type.Optional(help(Path, 'File with the key of that certificate (PEM)')),
    /** RFC 7469 section 2.4. */
    pin_sha256: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^[A-Za-z0-9+/]{43}=$',
          description: 'The SHA-256 of a public key in base64, 44 characters',
        }),
        {
          minItems: 1,
          maxItems: 8,
          help: 'SHA-256 of the public key (SubjectPublicKeyInfo) of its certificate, as base64',
        },
      ),
    ),
    reconnect_max_seconds: Type.Integer({
      default: 60,
      minimum: 1,
      maximum: 3600,
      help: 'Longest wait between two attempts to reach it',
    }),
  },
  closed,
);
export type ControlPlaneConfig = Static<typeof ControlPlaneConfig>;

/** One caller that may come in by the network; it proves all that is named here, and something must be. */
export const AdmittedConfig = Type.Object(
  {
    name: help(Name, 'Its events are counted under this name'),
    right: Right,
    token_file: Type.Optional(TokenFile),
    certificate_name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        help: 'Common name of a client certificate that ca_file has signed',
      }),
    ),
  },
  closed,
);
export type AdmittedConfig = Static<typeof AdmittedConfig>;

const listening = {
  host: Type.String({ format: 'ip', default: '0.0.0.0', help: 'Address to listen on' }),
  port: Type.Integer({ minimum: 0, maximum: 65_535, help: 'TCP port to listen on' }),
  cert_file: Type.Optional(help(Path, 'File with the certificate of this host (PEM)')),
  key_file: Type.Optional(help(Path, 'File with the key of that certificate (PEM)')),
  ca_file: Type.Optional(help(Path, 'File with the certificates that callers are checked against (PEM)')),
};
const admittedCallers = Type.Array(AdmittedConfig, {
  minItems: 1,
  maxItems: 32,
  help: 'Who may come in, and by what it proves who it is',
});

/** `[control_plane_listener]`: the agent listens, control planes dial. Absent: nothing listens. */
export const ListenerConfig = Type.Object(
  { ...listening, control_plane: admittedCallers },
  { ...closed, help: 'Lets control planes dial this host; without it nothing listens' },
);
export type ListenerConfig = Static<typeof ListenerConfig>;

/** `[api_listener]`: the HTTP API on a network address. Absent: it is on its UNIX socket only. */
export const ApiListenerConfig = Type.Object(
  { ...listening, caller: admittedCallers },
  { ...closed, help: 'Serves the HTTP API on a network address too; without it nothing listens' },
);
export type ApiListenerConfig = Static<typeof ApiListenerConfig>;
