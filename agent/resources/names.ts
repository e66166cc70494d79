// What names and ids look like, and how new ids are made.
import { randomBytes } from 'node:crypto';
import { Type } from '@sinclair/typebox';

/** Kinds of resources and the prefix their ids carry. */
export const ID_PREFIXES = {
  vserver: 'vs',
  vdisk: 'vd',
  vnic: 'vnic',
  vnet: 'vnet',
  publicip: 'pip',
  image: 'img',
  operation: 'op',
} as const;
export type Kind = keyof typeof ID_PREFIXES;

/** A new id such as `vs-1f0c9a7e`: eight random hex digits, short enough for interface names. */
export function newId(kind: Kind): string {
  return `${ID_PREFIXES[kind]}-${randomBytes(4).toString('hex')}`;
}

/** A name given by a person: what fits a host name label, file names and tables alike. */
export const Name = Type.String({
  pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$',
  description:
    'Letters, digits, dots, dashes and underscores; at most 63; begins and ends with a letter or digit.',
});

/** An id, or the name of the resource where that is unique. */
export const Reference = Type.String({ minLength: 1, maxLength: 63, description: 'Id or name.' });
