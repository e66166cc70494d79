// Changing the medium in a CD-ROM drive, with or without the guest's consent.
import { setTimeout as sleep } from 'node:timers/promises';
import { AFFECT, LibvirtError } from '../libvirt/mod.ts';
import { isActive } from './active.ts';
import { checkPath } from './check-machine.ts';
import type { Session } from './dialect.ts';

/** How often a tray that the guest closes under libvirt's hand is opened again, and after how long, in milliseconds. */
const TRIES = 40;
const PAUSE_MS = 250;

/**
 * libvirt opens the tray and then takes the medium out, in two steps. A guest that resets its drives in between, as
 * firmware and kernels do while they boot, closes it again. That lasts seconds at most: only then does it fail.
 */
const isClosedAgain = (error: unknown): boolean =>
  error instanceof LibvirtError && /Tray of .*device.* is not open/.test(error.message);

/** Puts another medium into CD-ROM number `index`, or none; a tray locked by the guest is opened by force. */
export async function changeMedium(
  session: Session,
  name: string,
  index: number,
  path: string | undefined,
): Promise<void> {
  if (path !== undefined) checkPath(path, 'path of a context medium');
  const text = session.dialect.cdrom(index, path);
  const { domains } = session.client;
  for (let tries = 1; ; tries++) {
    const domain = await domains.byName(name);
    const live = (await isActive(session, domain)) ? AFFECT.live | AFFECT.force : 0;
    try {
      return await domains.devices.update(domain, text, AFFECT.config | live);
    } catch (error) {
      if (tries === TRIES || !isClosedAgain(error)) throw error;
    }
    await sleep(PAUSE_MS);
  }
}
