// Runs all checks and puts their findings together; a check that cannot look is a finding too.
import { addresses } from './addresses.ts';
import { agent } from './agent.ts';
import { backlog } from './backlog.ts';
import { type Check, type CheckContext, type Finding, fault } from './check.ts';
import { clock } from './clock.ts';
import { controlPlanes } from './control-planes.ts';
import { credentials } from './credentials.ts';
import { guestServices } from './guest-services.ts';
import { kernel } from './kernel.ts';
import { libvirt } from './libvirt.ts';
import { network } from './network.ts';
import { programs } from './programs.ts';
import { storage } from './storage.ts';
import { virtualization } from './virtualization.ts';

/** From the ground up: what stands on something broken comes after it. */
export const CHECKS: readonly Check[] = [
  virtualization,
  kernel,
  programs,
  libvirt,
  agent,
  network,
  guestServices,
  addresses,
  storage,
  clock,
  backlog,
  credentials,
  controlPlanes,
];

/**
 * Findings of all checks, or of those named, in order. One after the other: on a host that is short of time all of them
 * at once would take it from each other, and find nothing but their own limits.
 */
export async function diagnose(context: CheckContext, only?: readonly string[]): Promise<Finding[]> {
  const wanted = CHECKS.filter(({ name }) => only === undefined || only.includes(name));
  const found: Finding[] = [];
  for (const check of wanted) {
    const findings = await check
      .run(context)
      .catch((error: Error) => [
        fault(
          'check-impossible',
          `This could not be looked at: ${error.message.split('\n')[0]}`,
          'Whether it is well is not known.',
          'See to the other findings first, then run the doctor again, as root.',
        ),
      ]);
    found.push(...findings.map((finding) => ({ check: check.name, ...finding })));
  }
  return found;
}
