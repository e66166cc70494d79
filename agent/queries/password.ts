// Passwords of a guest's users: the initial one handed out, another one set. Every access is an event; none is logged.
import { randomBytes } from 'node:crypto';
import { Type } from '@sinclair/typebox';
import { fetchInitialPassword } from '../guest/initial-password.ts';
import { find } from '../operations/find.ts';
import { queryParams, vserverId } from '../operations/parameters.ts';
import { InnkeeperError } from '../resources/errors.ts';
import { defineQuery } from './query.ts';

const SET_MS = 20_000;
/** 120 random bits. */
const RANDOM_BYTES = 15;

export const getInitialPasswordVServer = defineQuery(
  {
    name: 'getInitialPasswordVServer',
    summary: 'The initial password the guest made; cleared afterwards if asked. Every access is an event.',
    right: 'operate',
    params: queryParams({ ...vserverId, clear: Type.Optional(Type.Boolean()) }),
    result: Type.Object({
      vserverId: Type.String(),
      password: Type.String(),
      how: Type.Union([Type.Literal('clear'), Type.Literal('encrypted')]),
      time: Type.String(),
    }),
    http: { verb: 'POST', path: '/v1/vservers/{vserverId}/initial-password' },
  },
  async ({ host, params, caller }) => {
    const vserver = find(host.inventory, 'vserver', params.vserverId);
    if (!vserver.initialPassword) await fetchInitialPassword(host, vserver);
    const { id, initialPassword, name } = find(host.inventory, 'vserver', vserver.id);
    if (!initialPassword) {
      const why = `The guest of VServer ${name} has not handed over an initial password yet.`;
      throw new InnkeeperError('not-found', why, { vserver: id });
    }
    const password = host.seal.unseal(initialPassword.sealed, id).toString('utf8');
    await host.inventory.transact((tx) => {
      // Kept as an empty one, so that the guest cannot write a second.
      const cleared = { ...initialPassword, sealed: host.seal.seal(new Uint8Array(), id) };
      if (params.clear) tx.patch('vserver', id, { initialPassword: cleared });
      tx.event(
        'vserver.initial-password-read',
        { vserver: id },
        { by: caller.name, cleared: params.clear === true },
      );
    });
    return { vserverId: id, password, how: initialPassword.how, time: initialPassword.time };
  },
);

export const setPasswordVServer = defineQuery(
  {
    name: 'setPasswordVServer',
    summary:
      "Sets a user's password inside a running guest by its guest agent; makes one up if none is given.",
    right: 'operate',
    params: queryParams({
      ...vserverId,
      user: Type.Optional(
        Type.String({
          pattern: '^[^\\0:\\n]{1,256}$',
          description: '`root` if absent; `Administrator` on Windows.',
        }),
      ),
      password: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
    }),
    result: Type.Object({
      vserverId: Type.String(),
      user: Type.String(),
      password: Type.Optional(Type.String({ description: 'The one made up; shown this once.' })),
    }),
    http: { verb: 'POST', path: '/v1/vservers/{vserverId}/password' },
  },
  async ({ host, params, caller }) => {
    const { id, name, domain, state } = find(host.inventory, 'vserver', params.vserverId);
    const ids = { vserver: id };
    if (!host.hypervisor.features.guestAgent) {
      throw new InnkeeperError('unsupported', 'This hypervisor has no way to a guest agent.', ids);
    }
    if (state !== 'running') {
      const why = `VServer ${name} is ${state}; its guest agent can set a password only while it runs.`;
      throw new InnkeeperError('wrong-state', why, ids);
    }
    const { user = 'root' } = params;
    const made = params.password === undefined ? randomBytes(RANDOM_BYTES).toString('base64url') : undefined;
    const command = {
      execute: 'guest-set-user-password',
      arguments: {
        username: user,
        password: Buffer.from(params.password ?? made ?? '').toString('base64'),
        crypted: false,
      },
    };
    const set = (done: boolean) =>
      host.inventory.transact((tx) => {
        tx.event('vserver.password-set', ids, { by: caller.name, user, done });
      });
    try {
      await host.hypervisor.guestAgent(domain, command, SET_MS);
    } catch (error) {
      await set(false);
      throw error;
    }
    await set(true);
    return { vserverId: id, user, ...(made === undefined ? {} : { password: made }) };
  },
);
