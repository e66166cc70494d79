// The context media of a VServer: checked, built, put into its drives, removed.
import { rm } from 'node:fs/promises';
import {
  type ContextKind,
  contextFiles,
  type Medium,
  removeIso,
  writeIso,
} from '../../../contextualization/mod.ts';
import type { Config } from '../../config/config.ts';
import { guestFacts, type Reader, siblingsOf } from '../../guest/facts.ts';
import type { Host } from '../../host.ts';
import { linePath, mediumPath, qmpPath, vncPath } from '../../paths.ts';
import type { VServer } from '../../resources/vserver.ts';
import type { Step } from '../kind.ts';
import { mediaOf } from '../machine.ts';
import { type VServerPlan, vserverOf } from './steps.ts';

/** Those of a VServer, from the facts as they are now. @throws ContextError when they cannot be said on a medium */
function media(
  reader: Reader,
  { network }: Config,
  vserver: VServer,
): { kind: ContextKind; medium: Medium }[] {
  const facts = guestFacts(reader, network, vserver);
  const options = {
    files: (vserver.files ?? []).map(({ name, content }) => ({
      path: name,
      content: Buffer.from(content, 'base64'),
    })),
    siblings: siblingsOf(reader, network, vserver),
  };
  return mediaOf(vserver).map((kind) => ({ kind, medium: contextFiles(kind, facts, options) }));
}

/** Before anything is made or changed. @throws ContextError when the facts cannot be said on one of the media */
export function checkMedia(reader: Reader, config: Config, vserver: VServer): void {
  media(reader, config, vserver);
}

/** Writes them all; each is replaced in one step. The facts come from `reader`, which may show the inventory otherwise. */
export async function writeMedia(
  host: Host,
  vserver: VServer,
  reader: Reader = host.inventory,
): Promise<void> {
  for (const { kind, medium } of media(reader, host.config, vserver)) {
    await writeIso(mediumPath(host.config, vserver.id, kind), medium);
  }
}

/**
 * Puts the media as they are on disk into the drives of a VServer that runs: taken out first, because a drive keeps the
 * file it has open, whatever has its name by now. One that does not run, or whose hypervisor cannot change media,
 * finds them at its next start.
 */
export async function insertMedia(host: Host, vserver: VServer): Promise<void> {
  if (vserver.state !== 'running' || !host.hypervisor.features.mediumChange) return;
  for (const [index, kind] of mediaOf(vserver).entries()) {
    await host.hypervisor.changeMedium(vserver.domain, index, undefined);
    await host.hypervisor.changeMedium(vserver.domain, index, mediumPath(host.config, vserver.id, kind));
  }
}

export const buildMedia: Step<VServerPlan> = {
  name: 'build-media',
  run: ({ host, plan }) => writeMedia(host, vserverOf(host, plan)),
  undo: (context) => removeMedia(context.host, context.plan),
};

/** After a change of facts: what a running guest has in its drives is what a newly started one would have. */
export const renewMedia: Step<VServerPlan> = {
  name: 'renew-media',
  async run({ host, plan }) {
    await writeMedia(host, vserverOf(host, plan));
    await insertMedia(host, vserverOf(host, plan));
  },
};

export async function removeMedia(host: Host, plan: VServerPlan): Promise<void> {
  const vserver = vserverOf(host, plan);
  const { id } = vserver;
  for (const kind of mediaOf(vserver)) await removeIso(mediumPath(host.config, id, kind));
  for (const path of [qmpPath, vncPath, linePath]) await rm(path(host.config, id), { force: true });
}
