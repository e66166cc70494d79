// Changing the medium in a CD-ROM drive, with or without the guest's consent.
import { setTimeout as sleep } from 'node:timers/promises';
import { AFFECT, LibvirtError } from '../libvirt/mod.ts';
import { isActive } from './active.ts';
import { checkPath } from './check-machine.ts';
import type { Session } from './dialect.ts';

/** A guest that boots resets its drives a few times; each time may cost a try. */
const TRIES = 10;
const PAUSE_MS = 250;

/**
 * libvirt opens a tray that it takes for closed, and then takes the medium out. Firmware and kernels that reset their
 * drives close the tray without an event: libvirt goes on believing that it is open, opens it no more, and each
 * change fails with QEMU's words until the next boot (libvirt 9.0, QEMU 7.2).
 */
const isClosedUnseen = (error: unknown): boolean =>
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
      if (tries === TRIES || !isClosedUnseen(error)) throw error;
    }
    await sleep(PAUSE_MS);
    await session.dialect.openTray?.(session.client, domain, index);
  }
}
