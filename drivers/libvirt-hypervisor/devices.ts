// Plugging and unplugging: what already holds in the definition or in the running machine is left alone.
import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError, type MachineDisk, type MachineNic } from '../hypervisor.ts';
import { AFFECT, type DomainRef, XML } from '../libvirt/mod.ts';
import { isActive } from './active.ts';
import { checkDisk, checkNic } from './check-machine.ts';
import type { DevicePlace, Session } from './dialect.ts';
import { type DiskView, type DomainView, type NicView, readDomain } from './read-xml.ts';
import { unplug } from './unplug.ts';
import { renderXml, xml } from './xml.ts';

/** A guest that has seen what is taken away again needs a moment to let it go. */
const MAX_TRIES = 20;
const PAUSE_MS = 500;

/** A domain as it will be at its next boot, and as it is now if it runs. */
interface Views {
  domain: DomainRef;
  config: DomainView;
  live: DomainView | undefined;
}

/** Plugs a disk. @throws DriverError `conflict` when another one is at that position */
export async function attachDisk(session: Session, name: string, disk: MachineDisk): Promise<void> {
  checkDisk(disk);
  const target = session.dialect.diskTarget(disk.position);
  const isThere = (view: DomainView): boolean => {
    const found = view.disks.find((other) => other.target === target);
    if (found !== undefined && found.source !== disk.path) {
      throw new DriverError(
        'conflict',
        `attach to ${name}: ${target} is taken by ${found.source ?? 'another'}`,
      );
    }
    return found !== undefined;
  };
  await attach(session, name, {
    text: session.dialect.disk(disk),
    place: { kind: 'disk', position: disk.position },
    isThere,
  });
}

/** Plugs a NIC. @throws DriverError `conflict` when its MAC is there with another tap */
export async function attachNic(session: Session, name: string, nic: MachineNic): Promise<void> {
  checkNic(nic);
  const isThere = (view: DomainView): boolean => {
    const found = view.nics.find((other) => other.mac === nic.mac.toLowerCase());
    if (found !== undefined && found.device !== nic.device) {
      throw new DriverError('conflict', `attach to ${name}: ${nic.mac} is there already, as ${found.device}`);
    }
    return found !== undefined;
  };
  await attach(session, name, {
    text: session.dialect.nic(nic),
    place: { kind: 'nic', position: nic.position },
    isThere,
  });
}

/** Unplugs the disk at `position`, in the running machine first: if the guest keeps it, the definition does too. */
export async function detachDisk(
  session: Session,
  name: string,
  position: number,
  timeoutMs: number,
): Promise<void> {
  const target = session.dialect.diskTarget(position);
  await detach(session, name, timeoutMs, {
    what: target,
    find: ({ disks }) => disks.find((disk) => disk.target === target),
    device: (disk: DiskView) =>
      xml('disk', { type: 'file', device: 'disk' }, xml('target', { dev: disk.target, bus: disk.bus })),
  });
}

/** Unplugs the NIC with this MAC address, as `detachDisk` does a disk. */
export async function detachNic(
  session: Session,
  name: string,
  mac: string,
  timeoutMs: number,
): Promise<void> {
  await detach(session, name, timeoutMs, {
    what: mac,
    find: ({ nics }) => nics.find((nic) => nic.mac === mac.toLowerCase()),
    device: (nic: NicView) =>
      xml(
        'interface',
        { type: 'bridge' },
        xml('mac', { address: nic.mac }),
        xml('source', { bridge: nic.bridge }),
      ),
  });
}

/** A device to be unplugged: what to call it, where it is in a view, and what libvirt recognises it by. */
interface Removal<View extends { alias: string }> {
  what: string;
  find: (view: DomainView) => View | undefined;
  device: (found: View) => ReturnType<typeof xml>;
}

async function detach<View extends { alias: string }>(
  session: Session,
  name: string,
  timeoutMs: number,
  { what, find, device }: Removal<View>,
): Promise<void> {
  const { domain, config, live } = await look(session, name);
  const plugged = live && find(live);
  if (plugged) {
    await unplug(session, domain, { alias: plugged.alias, xml: renderXml(device(plugged)), what }, timeoutMs);
  }
  const defined = find(config);
  if (defined) {
    await session.client.domains.devices.detach(domain, renderXml(device(defined)), AFFECT.config);
  }
}

/** Tells a running machine the new length of its disk, in bytes; one that is off sees it at its next boot. */
export async function resizeDisk(
  session: Session,
  name: string,
  position: number,
  bytes: number,
): Promise<void> {
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new DriverError('invalid', `a disk cannot be ${bytes} bytes long`);
  }
  const target = session.dialect.diskTarget(position);
  const { client } = session;
  const domain = await client.domains.byName(name);
  if (await isActive(session, domain))
    await client.domains.devices.resizeBlock(domain, target, BigInt(bytes));
}

/** A device to be plugged: its XML, where it belongs, and whether a view has it already. */
interface Addition {
  text: string;
  place: DevicePlace;
  isThere: (view: DomainView) => boolean;
}

async function attach(session: Session, name: string, { text, place, isThere }: Addition): Promise<void> {
  const { domain, config, live } = await look(session, name);
  const flags =
    (isThere(config) ? 0 : AFFECT.config) | (live === undefined || isThere(live) ? 0 : AFFECT.live);
  if (flags === 0) return;
  const { client, dialect } = session;
  const { devices } = client.domains;
  for (let tries = 1; ; tries++) {
    try {
      await devices.attach(domain, text, flags);
      return;
    } catch (error) {
      // A libvirtd that was killed half-way has left something in QEMU that the next one does not know.
      const again = tries < MAX_TRIES && (await dialect.clearHalfPlugged?.(client, domain, place, error));
      if (!again) throw error;
    }
    if (tries > 1) await sleep(PAUSE_MS);
  }
}

async function look(session: Session, name: string): Promise<Views> {
  const { domains } = session.client;
  const domain = await domains.byName(name);
  const [config, live] = await Promise.all([
    domains.xml(domain, XML.inactive),
    isActive(session, domain).then((active) => (active ? domains.xml(domain) : undefined)),
  ]);
  return { domain, config: readDomain(config), live: live === undefined ? undefined : readDomain(live) };
}
