// Does the hypervisor's daemon answer where the agent looks for it?
import { openHypervisor } from '../../drivers/open.ts';
import { type Check, fault, fine } from './check.ts';

/** A daemon that is not there is refused at once: only one that is busy, or hangs, makes anybody wait. */
const PATIENCE_MS = 30_000;

export const libvirt: Check = {
  name: 'libvirt',
  async run({ config }) {
    // Named, so that nothing is probed: that is another check's matter.
    const acceleration = 'tcg';
    const hypervisor = openHypervisor({
      uri: config.libvirt_uri,
      acceleration,
      connectTimeoutMs: PATIENCE_MS,
    });
    try {
      await hypervisor.connect();
      return [fine(`the daemon behind ${config.libvirt_uri} answers`)];
    } catch (error) {
      const found = `Nobody answers behind ${config.libvirt_uri}: ${(error as Error).message}`;
      const means = 'Running VServers go on, but none can be started, stopped or seen.';
      const what =
        'Start it (systemctl start libvirtd virtlogd) and look at its log (journalctl -u libvirtd).';
      return [fault('libvirt-unreachable', found, means, what)];
    } finally {
      await hypervisor.close();
    }
  },
};
