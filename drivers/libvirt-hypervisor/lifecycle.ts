// The verbs that change a machine's state. Each is tried first; only if it fails we look whether it held already.
import { DriverError, type Machine } from '../hypervisor.ts';
import {
  type DomainRef,
  type DomainState,
  isNotFound,
  isWrongState,
  LibvirtError,
  SHUTDOWN,
  XML,
} from '../libvirt/mod.ts';
import type { Session } from './dialect.ts';

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
  if (state !== 'shutoff' && state !== 'crashed') {
    throw new DriverError('wrong-state', `undefine ${name}: it is ${state}; power it off first`);
  }
  await client.domains.undefine(domain, dialect.undefineFlags).catch(unlessGone);
}

/** Boots it (or resumes what `virsh managedsave` or a host shutdown put to sleep). */
export async function start(session: Session, name: string): Promise<void> {
  await verb(session, name, (domain) => session.client.domains.start(domain), ['running', 'blocked']);
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

/** Ends it by force; a machine that does not exist is as off as can be. */
export async function powerOff(session: Session, name: string): Promise<void> {
  const domain = await lookUp(session, name);
  if (domain === undefined) return;
  const { domains } = session.client;
  try {
    await domains.destroy(domain);
  } catch (error) {
    if (isNotFound(error)) return;
    if (!(await holds(session, domain, ['shutoff']))) throw error;
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

/** Memory image to `path`; a machine that is off because it was saved has been saved. */
export async function save(session: Session, name: string, path: string): Promise<void> {
  const { domains } = session.client;
  const domain = await domains.byName(name);
  try {
    await domains.save(domain, path);
  } catch (error) {
    const { state, reason } = await domains.state(domain);
    if (state !== 'shutoff' || reason !== 'saved') throw error;
  }
}

/** Brings back what `save` wrote. Only a machine that is active already makes libvirt speak of a wrong state. */
export async function restore({ client }: Session, path: string): Promise<void> {
  try {
    await client.domains.restore(path);
  } catch (error) {
    if (!isWrongState(error)) throw error;
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
