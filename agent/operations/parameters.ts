// Pieces of parameter schemas that several methods share.
import { type TProperties, Type } from '@sinclair/typebox';
import { Reference } from '../resources/names.ts';

/** What every operation takes besides its own parameters. */
const CONTROL = {
  requestId: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9._:-]{1,128}$',
      description: 'Idempotency key, at most 128 letters, digits and ._:-',
    }),
  ),
  wait: Type.Optional(Type.Boolean({ description: 'false: answer at once with the operation id' })),
};

/** Parameters of an operation: its own fields, the common ones, and nothing else. */
export function operationParams<P extends TProperties>(own: P) {
  return Type.Object({ ...own, ...CONTROL }, { additionalProperties: false });
}

/** Parameters of a query: its own fields and nothing else. */
export function queryParams<P extends TProperties>(own: P) {
  return Type.Object(own, { additionalProperties: false });
}

export const vserverId = { vserverId: Reference };
export const vnetId = { vnetId: Reference };
export const publicIpId = { publicIpId: Reference };
export const imageId = { imageId: Reference };
export const vdiskId = { vdiskId: Reference };
