// What createVServer takes, and of that what updateVServer can change: the facts a guest is told.
import { type Static, Type } from '@sinclair/typebox';
import { InnkeeperError } from '../../resources/errors.ts';
import { Name, Reference } from '../../resources/names.ts';
import { Base64, ContextFile, ContextKind, ImdsVersion } from '../../resources/vserver.ts';
import { operationParams } from '../parameters.ts';
import { VNicRequest } from './reserve.ts';

/** What the guest finds on its context media and at the metadata service, as far as the creator says it. */
export const factParams = {
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
  files: Type.Optional(
    Type.Array(ContextFile, {
      maxItems: 32,
      description: 'Files on the context media (FILES of OpenNebula)',
    }),
  ),
};

export const params = operationParams({
  name: Name,
  type: Type.String({ description: 'Name of a VServerType.' }),
  imageId: Reference,
  vnics: Type.Optional(
    Type.Array(VNicRequest, { maxItems: 8, description: 'Absent: those of the VServerType' }),
  ),
  ...factParams,
  passwordKey: Type.Optional(Type.String({ maxLength: 16_384 })),
  context: Type.Optional(Type.Array(ContextKind, { maxItems: 4, uniqueItems: true })),
  pool: Type.Optional(Name),
  boot: Type.Optional(Type.Boolean({ description: 'false: leave it inactive' })),
  autostart: Type.Optional(Type.Boolean({ description: 'Start again after a host reboot; default true' })),
});

const factsObject = Type.Object(factParams);
export type FactParams = Static<typeof factsObject>;

/**
 * User data, vendor data and files in plain base64, as far as they are given.
 * @throws InnkeeperError `invalid` when they are too long together with what is `kept`
 */
export function checkedData(asked: FactParams, limit: number, kept: Pick<FactParams, DataName> = {}) {
  const plain = (text: string) => Buffer.from(text, 'base64').toString('base64');
  const { userData, vendorData, files } = asked;
  const data = {
    ...(userData === undefined ? {} : { userData: plain(userData) }),
    ...(vendorData === undefined ? {} : { vendorData: plain(vendorData) }),
    ...(files === undefined
      ? {}
      : { files: files.map(({ name, content }) => ({ name, content: plain(content) })) }),
  };
  const all = { ...kept, ...data };
  const bytes = [all.userData, all.vendorData, ...(all.files ?? []).map(({ content }) => content)].reduce(
    (sum, text) => sum + Buffer.byteLength(text ?? '', 'base64'),
    0,
  );
  if (bytes > limit) {
    const which =
      all.vendorData || all.files?.length ? 'user data, vendor data and files have' : 'user data has';
    throw new InnkeeperError('invalid', `The ${which} ${bytes} bytes; this host takes ${limit}.`);
  }
  return data;
}

type DataName = 'userData' | 'vendorData' | 'files';
