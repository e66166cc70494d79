// Unplugging from a running guest: asked again and again until the guest lets go, or time is up.
import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError } from '../hypervisor.ts';
import {
  AFFECT,
  ConnectionLostError,
  type DomainRef,
  isConnectionLost,
  isInvalid,
  isNotFound,
  isUnsupported,
  isWrongState,
  type LibvirtClient,
} from '../libvirt/mod.ts';
import type { Session } from './dialect.ts';

/** Between two requests: QEMU ignores a repeated one for a second, and a guest may just be booting. */
const ASK_AGAIN_MS = 2_000;

/** What is to be unplugged: its alias names it in events, its XML in the request, `what` to people. */
export interface PluggedDevice {
  alias: string;
  xml: string;
  what: string;
}

/**
 * Resolves when the device is gone.
 * @throws DriverError `wrong-state` after `timeoutMs`; the guest may still let go later, and an event says so
 */
export async function unplug(
  { client, dialect }: Session,
  domain: DomainRef,
  device: PluggedDevice,
  timeoutMs: number,
): Promise<void> {
  if (dialect.unplugAnswers) {
    await client.domains.devices.detach(domain, device.xml, AFFECT.live, { timeoutMs });
    return;
  }
  const finished = new AbortController();
  const signal = AbortSignal.any([finished.signal, AbortSignal.timeout(timeoutMs)]);
  // Listening begins before the first request, or a quick guest's answer would be missed.
  const events = client.events({ types: ['device-removed', 'lifecycle'] });
  signal.addEventListener('abort', () => events.end(), { once: true });
  try {
    const gone = await Promise.race([
      removal(events, domain, device.alias),
      askUntil(signal, client, domain, device.xml),
    ]);
    if (gone) return;
  } finally {
    finished.abort();
    events.end();
  }
  throw new DriverError(
    'wrong-state',
    `detach ${device.what} from ${domain.name}: the guest did not let go of it in ${timeoutMs} ms; ` +
      'is its operating system running? Try again, or power it off first',
  );
}

/** True when the device or the whole machine is gone, false when listening ended before. */
async function removal(
  events: ReturnType<LibvirtClient['events']>,
  domain: DomainRef,
  alias: string,
): Promise<boolean> {
  for await (const event of events) {
    if (event.type === 'disconnected') throw new ConnectionLostError(event.reason);
    if (!('domain' in event) || event.domain.uuid !== domain.uuid) continue;
    if (event.type === 'device-removed' && event.alias === alias) return true;
    if (event.type === 'lifecycle' && event.event === 'stopped') return true;
  }
  return false;
}

/** Asks until stopped; true when libvirt says that there is nothing (or nobody) left to ask for. */
async function askUntil(
  signal: AbortSignal,
  client: LibvirtClient,
  domain: DomainRef,
  xml: string,
): Promise<boolean> {
  while (!signal.aborted) {
    try {
      await client.domains.devices.detach(domain, xml, AFFECT.live, { signal });
    } catch (error) {
      if (signal.aborted) break;
      if (isNotFound(error) || isWrongState(error)) return true;
      if (isConnectionLost(error) || isInvalid(error) || isUnsupported(error)) throw error;
      // QEMU refuses a second request while it still holds the first; the next one may reach the guest.
    }
    await sleep(ASK_AGAIN_MS, undefined, { signal }).catch(() => {});
  }
  return false;
}
