// npm run quickstart: one command from a fresh clone to a VServer that runs, with a short, observed account.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { guestImage } from '../../test/images/guest-image.ts';
import { runDemo } from './demo.ts';
import { root, startHost } from './host.ts';
import { Observations } from './observations.ts';
import { type Place, placeFor } from './place.ts';
import { runningPid } from './processes.ts';
import { exists, leftovers, takeDown } from './take-down.ts';

async function checksumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest('hex')}`;
}

/** From nothing to a running VServer. */
async function bringUp(place: Place, seen: Observations): Promise<void> {
  seen.times.setup = Number(process.env.QUICKSTART_SETUP_MS ?? 0);
  if (await exists(place.dir)) {
    console.log('Taking down what an earlier run has left.');
    await takeDown(place);
  }
  console.log('Building the guest image from packages (the first time only), starting the agent.');
  const path = await seen.timed('guestImage', guestImage);
  const { client, host, capacity } = await seen.timed('startAgent', () => startHost(place, path));
  const { hypervisor, hypervisorVersion, libvirtVersion, emulated } = host.facts;
  seen.line('host', true, { hypervisor, hypervisorVersion, libvirtVersion, emulated });
  seen.say(`Agent connected to libvirt ${libvirtVersion}, QEMU ${hypervisorVersion} (${hypervisor})`);
  for (const warning of host.warnings) console.log(`     note: ${warning}`);
  await runDemo(client, place, { path, checksum: await checksumOf(path) }, capacity, seen);
}

async function check(): Promise<number> {
  const place = placeFor('check');
  const seen = new Observations();
  let failure: Error | undefined;
  try {
    await bringUp(place, seen);
  } catch (error) {
    failure = error as Error;
    console.error(`FAILED: ${failure.message}`);
  }
  try {
    await seen.timed('takeDown', () => takeDown(place));
    const left = await leftovers(place);
    seen.line('takenDown', left.length === 0, { left });
    seen.say('Taken down; no domain, bridge, namespace, rule or file is left');
  } catch (error) {
    failure ??= error as Error;
    console.error(`FAILED to take it down: ${(error as Error).message}`);
  }
  console.log(seen.toJson(failure));
  return failure === undefined && seen.failed.length === 0 ? 0 : 1;
}

function howToGoOn(place: Place): void {
  const innkeeper = `${root}bin/innkeeper --socket ${place.socket}`;
  console.log(`
The VServer "demo" is running. To look around:
  ${innkeeper} vserver list
  ${innkeeper} console demo          (leave with Ctrl-])
  ${innkeeper} host
  tail ${place.record}      (what the control plane was told)
  ${place.agentLog}         (the agent's log)
To stop and remove all of it:
  npm run quickstart -- --stop`);
}

async function stay(): Promise<number> {
  const place = placeFor('stay');
  if ((await runningPid(place, 'agent')) !== undefined) {
    console.log('The quickstart is running already.');
    howToGoOn(place);
    return 0;
  }
  const seen = new Observations();
  // Interrupted half-way, nothing is left behind.
  let clearing: Promise<void> | undefined;
  const interrupted = () => {
    console.log('\nInterrupted; taking everything down.');
    clearing = takeDown(place).catch((error: Error) => console.error(`FAILED: ${error.message}`));
    void clearing.finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    await bringUp(place, seen);
  } catch (error) {
    // What fails because it is being taken down is no news.
    await clearing;
    console.error(`FAILED: ${(error as Error).message}\nThe log of the agent: ${place.agentLog}`);
    console.error('To remove what there is: npm run quickstart -- --stop');
    return 1;
  }
  process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  howToGoOn(place);
  return seen.failed.length === 0 ? 0 : 1;
}

async function stop(): Promise<number> {
  const place = placeFor('stay');
  if (!(await exists(place.dir))) {
    console.log('No quickstart is there.');
    return 0;
  }
  await takeDown(place);
  const left = await leftovers(place);
  console.log(
    left.length === 0 ? 'Stopped; nothing is left of it.' : `Stopped, but left over: ${left.join(', ')}`,
  );
  return left.length === 0 ? 0 : 1;
}

const modes: Record<string, () => Promise<number>> = { '--check': check, '--stop': stop };
process.exitCode = await (modes[process.argv[2] ?? ''] ?? stay)();
