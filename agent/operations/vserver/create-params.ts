// What createVServer takes.
import { Type } from '@sinclair/typebox';
import { Name, Reference } from '../../resources/names.ts';
import { ContextKind, ImdsVersion } from '../../resources/vserver.ts';
import { operationParams } from '../parameters.ts';
import { VNicRequest } from './reserve.ts';

/** Any octets, in a JSON text. */
const Base64 = Type.String({
  contentEncoding: 'base64',
  pattern: '^[A-Za-z0-9+/\\s]*={0,2}\\s*$',
  description: 'Base64',
});

export const params = operationParams({
  name: Name,
  type: Type.String({ description: 'Name of a VServerType.' }),
  imageId: Reference,
  vnics: Type.Array(VNicRequest, { maxItems: 8, default: [] }),
  userData: Type.Optional(Base64),
  vendorData: Type.Optional(Base64),
  hostname: Type.Optional(
    Type.String({
      pattern:
        '^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$',
      maxLength: 253,
      description: 'A host name (RFC 1123)',
    }),
  ),
  sshKeys: Type.Optional(
    Type.Array(Type.String({ maxLength: 16_384, pattern: '^[^\\n\\r\\0]+$' }), { maxItems: 64 }),
  ),
  passwordKey: Type.Optional(Type.String({ maxLength: 16_384 })),
  context: Type.Optional(Type.Array(ContextKind, { maxItems: 4, uniqueItems: true })),
  imds: Type.Optional(ImdsVersion),
  variables: Type.Optional(
    Type.Record(
      Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]{0,63}$' }),
      Type.String({ maxLength: 65_536 }),
      {
        additionalProperties: false,
        maxProperties: 256,
      },
    ),
  ),
  pool: Type.Optional(Name),
  boot: Type.Optional(Type.Boolean({ description: 'false: leave it inactive' })),
  autostart: Type.Optional(Type.Boolean({ description: 'Start again after a host reboot; default true' })),
});
