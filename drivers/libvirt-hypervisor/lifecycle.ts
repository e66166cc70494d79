// The verbs that change a machine's state. Each is tried first; only if it fails we look whether it held already.
import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError, type Machine } from '../hypervisor.ts';
import {
  AFFECT,
  type DomainRef,
  type DomainState,
  isBusy,
  isNotFound,
  LibvirtError,
  SHUTDOWN,
  XML,
} from '../libvirt/mod.ts';
import { isActiveState } from './active.ts';
import type { Session } from './dialect.ts';
import { isMemoryImage } from './memory-image.ts';

/** Makes or replaces the definition. @throws DriverError `conflict` when name or UUID belong to another domain */
export async function define(session: Session, machine: Machine): Promise<void> {
  const { client, dialect } = session;
  const existing = await lookUp(session, machine.name);
  const previous = existing && (await client.domains.xml(existing, XML.inactive));
  const text = dialect.domain(machine, previous);
  try {
    await client.domains.define(text);
  } catch (error) {
    if (error instanceof LibvirtError) await refuseConflict(session, machine, error);
    throw error;
  }
}

/** Removes the definition and what libvirt keeps beside it; success if there is none. */
export async function undefine({ client, dialect }: Session, name: string): Promise<void> {
  const domain = await lookUp({ client, dialect }, name);
  if (domain === undefined) return;
  // libvirt would undefine a running machine and let it run on, unknown to everybody after its end.
  const { state } = await client.domains.state(domain);
  if (isActiveState(state)) {
    throw new DriverError('wrong-state', `undefine ${name}: it is ${state}; power it off first`);
  }
  await client.domains.undefine(domain, dialect.undefineFlags).catch(unlessGone);
}

/** Boots it (or resumes what `virsh managedsave` or a host shutdown put to sleep). */
export async function start(session: Session, name: string): Promise<void> {
  await startBy(session, name, (domain) => session.client.domains.start(domain));
}

/**
 * Gives a running machine so much memory by its balloon, at most what it was defined with. Resolves when the guest has
 * been asked; how much it has is in its sample.
 */
export async function setMemory({ client }: Session, name: string, memoryMiB: number): Promise<void> {
  if (!Number.isSafeInteger(memoryMiB) || memoryMiB <= 0) {
    throw new DriverError('invalid', `a machine cannot have ${memoryMiB} MiB of memory`);
  }
  const domain = await client.domains.byName(name);
  await client.domains.tuning.setMemory(domain, BigInt(memoryMiB) * 1024n, AFFECT.live);
}

/**
 * Asks the guest's OS to shut down: the ACPI button, and the guest agent too. The agent is not waited
 * for, because a deaf one would hold us up; libvirt refuses at once if there is none.
 */
export async function shutdown(session: Session, name: string): Promise<void> {
  const { client, dialect } = session;
  const press = async (domain: DomainRef): Promise<void> => {
    await client.domains.shutdown(domain, dialect.shutdownFlags);
    if (dialect.features.guestAgent) client.domains.shutdown(domain, SHUTDOWN.guestAgent).catch(() => {});
  };
  await verb(session, name, press, ['shutoff', 'shutdown', 'crashed']);
}

/** libvirt waits half a minute for whoever holds a machine, and gives up then; a power cut asks again. */
const BUSY_MS = 90_000;

/** Ends it by force; a machine that does not exist is as off as can be. */
export async function powerOff(session: Session, name: string): Promise<void> {
  const domain = await lookUp(session, name);
  if (domain === undefined) return;
  for (const end = Date.now() + BUSY_MS; ; ) {
    try {
      await session.client.domains.destroy(domain);
      return;
    } catch (error) {
      if (isNotFound(error) || (await holds(session, domain, ['shutoff']))) return;
      if (!isBusy(error) || Date.now() > end) throw error;
    }
  }
}

/** The reset button. */
export async function reset(session: Session, name: string): Promise<void> {
  await verb(session, name, (domain) => session.client.domains.reset(domain), []);
}

/** Stops its vCPUs. */
export async function pause(session: Session, name: string): Promise<void> {
  await verb(session, name, (domain) => session.client.domains.suspend(domain), ['paused']);
}

/** Lets its vCPUs run again. */
export async function resume(session: Session, name: string): Promise<void> {
  await verb(session, name, (domain) => session.client.domains.resume(domain), ['running', 'blocked']);
}

/** Memory image to `path`; a machine that is off because it was saved has been saved, whoever saw the end of it. */
export async function save(session: Session, name: string, path: string): Promise<void> {
  const { domains } = session.client;
  const domain = await domains.byName(name);
  try {
    await domains.save(domain, path);
  } catch (error) {
    const { state, reason } = await domains.state(domain);
    if (state !== 'shutoff' || (reason !== 'saved' && !(await isMemoryImage(path)))) throw error;
  }
}

/** Brings back what `save` wrote of it. */
export async function restore(session: Session, name: string, path: string): Promise<void> {
  await startBy(session, name, () => session.client.domains.restore(path));
}

/** A libvirtd that comes back ends, in this time, what the one before had only half started. */
const HALF_STARTED_MS = 60_000;
const LOOK_MS = 500;

/** Starts it, unless it runs, and tells it what its definition cannot. */
async function startBy(
  session: Session,
  name: string,
  act: (domain: DomainRef) => Promise<unknown>,
): Promise<void> {
  const { client, dialect } = session;
  const domain = await client.domains.byName(name);
  await startDomain(session, domain, act);
  await dialect.started?.(client, domain);
}

/**
 * Starts it, unless it runs. A machine that a libvirtd was starting when it was killed is active, and yet no machine:
 * it is ended by the next one before anything else can be done with it, and only its memory, once restored, is whole.
 */
async function startDomain(
  session: Session,
  domain: DomainRef,
  act: (domain: DomainRef) => Promise<unknown>,
): Promise<void> {
  const { domains } = session.client;
  for (const end = Date.now() + HALF_STARTED_MS; ; ) {
    try {
      await act(domain);
      return;
    } catch (error) {
      const { state, reason } = await domains.state(domain);
      if (state === 'running' || state === 'blocked') return;
      if (state !== 'paused' || Date.now() > end) throw error;
      if (reason === 'migration') await domains.resume(domain);
      else if (reason !== 'starting-up') throw error;
      else await sleep(LOOK_MS);
    }
  }
}

/** The domain of that name, or undefined. */
export async function lookUp({ client }: Session, name: string): Promise<DomainRef | undefined> {
  return client.domains.byName(name).catch(unlessGone);
}

async function verb(
  session: Session,
  name: string,
  act: (domain: DomainRef) => Promise<unknown>,
  done: readonly DomainState[],
): Promise<void> {
  const domain = await session.client.domains.byName(name);
  try {
    await act(domain);
  } catch (error) {
    if (!(await holds(session, domain, done))) throw error;
  }
}

async function holds({ client }: Session, domain: DomainRef, done: readonly DomainState[]): Promise<boolean> {
  const { state } = await client.domains.state(domain);
  return done.includes(state);
}

function unlessGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** libvirt has one number for every failed definition: look who has the name or the UUID. */
async function refuseConflict({ client }: Session, machine: Machine, cause: LibvirtError): Promise<void> {
  const byName = await client.domains.byName(machine.name).catch(unlessGone);
  const byUuid = await client.domains.byUuid(machine.uuid).catch(unlessGone);
  const sameUuid = byName === undefined || byName.uuid.toLowerCase() === machine.uuid.toLowerCase();
  const sameName = byUuid === undefined || byUuid.name === machine.name;
  if (sameUuid && sameName) return;
  throw new DriverError('conflict', `define ${machine.name}: libvirt says: ${cause.message}`, cause);
}
