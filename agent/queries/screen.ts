// Where the screen of a VServer can be looked at.
import { stat } from 'node:fs/promises';
import { Type } from '@sinclair/typebox';
import { find } from '../operations/find.ts';
import { queryParams, vserverId } from '../operations/parameters.ts';
import { requireState } from '../operations/transitions.ts';
import { vncPath } from '../paths.ts';
import { InnkeeperError } from '../resources/errors.ts';
import { defineQuery } from './query.ts';

export const getVServerScreen = defineQuery(
  {
    name: 'getVServerScreen',
    summary: 'The UNIX socket on this host where the screen of a running VServer can be looked at, by VNC.',
    right: 'operate',
    params: queryParams(vserverId),
    result: Type.Object({
      vserverId: Type.String(),
      protocol: Type.Literal('vnc'),
      socket: Type.String(),
    }),
    http: { verb: 'GET', path: '/v1/vservers/{vserverId}/screen' },
  },
  async ({ host, params }) => {
    const vserver = find(host.inventory, 'vserver', params.vserverId);
    const { id, name, vserverType } = vserver;
    requireState(vserver, ['running', 'stopping'], 'looked at');
    const socket = vncPath(host.config, id);
    // The type may have changed since: what counts is what the machine was started with.
    const exists = await stat(socket).then(
      (found) => found.isSocket(),
      () => false,
    );
    if (exists) return { vserverId: id, protocol: 'vnc', socket };
    const why = `VServer ${name} has no screen: its type ${vserverType} had no graphics when it was started. It has a serial console (innkeeper console ${name}).`;
    throw new InnkeeperError('unsupported', why, { vserver: id });
  },
);
