// The initial password of a guest: kept once and sealed, whichever way it comes; asked of the guest agent if it has to be.
import { PASSWORD_MAX, takePassword, withoutLineEnding } from '../../metadata-server/mod.ts';
import type { Host } from '../host.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { VServer } from '../resources/vserver.ts';
import type { Seal } from './seal.ts';

/** `encrypted`: for the creator's key, by the guest. */
export type PasswordForm = 'clear' | 'encrypted';

/** With a line ending, and one byte more, so that a password that is too long is noticed. */
const LONGEST_FILE = PASSWORD_MAX + 3;
const ANSWER_MS = 5_000;
/** Where a guest without a way to the metadata service leaves it; what is encrypted is preferred. */
const FILES: readonly (readonly [PasswordForm, string])[] = [
  ['encrypted', '/run/innkeeper/encrypted-initial-password'],
  ['clear', '/run/innkeeper/initial-password'],
];

/** Sealed at rest, with an event that tells that there is one; a second one is refused. */
export function keepInitialPassword(
  inventory: Inventory,
  seal: Seal,
  vserverId: string,
  password: Uint8Array,
  how: PasswordForm,
): Promise<'stored' | 'already'> {
  return inventory.transact((tx) => {
    const vserver = tx.get('vserver', vserverId);
    if (!vserver || vserver.initialPassword) return 'already' as const;
    const sealed = seal.seal(password, vserverId);
    tx.patch('vserver', vserverId, { initialPassword: { how, sealed, time: new Date().toISOString() } });
    tx.event('vserver.initial-password', { vserver: vserverId }, { how });
    return 'stored' as const;
  });
}

/**
 * Keeps the one that the guest agent of a running VServer finds in its file, if it runs and there is one; by the same rules
 * as those that guests send.
 */
export async function fetchInitialPassword(host: Host, vserver: VServer): Promise<void> {
  if (vserver.state !== 'running' || !host.hypervisor.features.guestAgent) return;
  const directory = {
    storeInitialPassword: (id: string, password: Uint8Array, how: PasswordForm) =>
      keepInitialPassword(host.inventory, host.seal, id, password, how),
  };
  for (const [how, path] of FILES) {
    const found = await guestFile(host, vserver, path).catch((error: Error) => {
      host.log.debug(
        { vserver: vserver.id, path, reason: error.message },
        'no initial password by the guest agent',
      );
    });
    if (found === undefined || found.length === 0) continue;
    const { status, why } = await takePassword(directory, vserver.id, found, how);
    host.guestWays.count(vserver.id, 'guest-agent', status === 200 ? 'stored' : 'refused');
    if (status !== 200) host.log.debug({ vserver: vserver.id, path, why }, 'a password was refused');
    if (status === 200 || status === 409) return;
  }
}

/**
 * The first bytes of a file, without one line ending at its end.
 * @throws DriverError when there is no guest agent, or no such file
 */
async function guestFile(host: Host, { domain }: VServer, path: string): Promise<Buffer> {
  const ask = (execute: string, args: object) =>
    host.hypervisor.guestAgent(domain, { execute, arguments: args }, ANSWER_MS);
  const handle = await ask('guest-file-open', { path, mode: 'r' });
  try {
    const answer = await ask('guest-file-read', { handle, count: LONGEST_FILE });
    // The guest wrote the answer: it may be anything.
    const text = (answer as { 'buf-b64'?: unknown } | null)?.['buf-b64'];
    const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64').subarray(0, LONGEST_FILE);
    return withoutLineEnding(bytes);
  } finally {
    await ask('guest-file-close', { handle }).catch(() => {});
  }
}
