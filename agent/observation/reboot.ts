// Notices that the host was rebooted, and starts again the VServers that were running and ask for it.
import { readFile } from 'node:fs/promises';
import type { Agent } from '../agent.ts';
import type { Host } from '../host.ts';
import type { Inventory } from '../inventory/inventory.ts';

/** Changes with every boot of the kernel. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

export class Reboot {
  readonly happened: boolean;
  readonly #wereRunning: string[];
  readonly #bootId: string;

  private constructor(happened: boolean, wereRunning: string[], bootId: string) {
    this.happened = happened;
    this.#wereRunning = wereRunning;
    this.#bootId = bootId;
  }

  /** Compares the kernel's boot id with the one seen at the last start. */
  static async detect(inventory: Inventory): Promise<Reboot> {
    const bootId = (await readFile(BOOT_ID, 'utf8')).trim();
    const [row] = await inventory.database.read("SELECT value FROM meta WHERE key = 'boot-id'");
    const happened = row !== undefined && row.value !== bootId;
    const running = inventory
      .list('vserver')
      .filter(({ state, autostart }) => state === 'running' && autostart);
    return new Reboot(happened, happened ? running.map(({ id }) => id) : [], bootId);
  }

  /** Asks for the starts; the boot is noted only afterwards, so that a crash in between loses none. */
  async startAgain(host: Host, agent: Agent): Promise<void> {
    for (const vserverId of this.#wereRunning) {
      const requestId = `reboot-${this.#bootId}-${vserverId}`;
      const caller = { name: 'autostart', right: 'administer' } as const;
      await agent.call('startVServer', { vserverId, requestId, wait: false }, caller).catch((error) => {
        host.log.error({ err: error, vserver: vserverId }, 'could not be started again after the reboot');
      });
    }
    const sql = "INSERT INTO meta VALUES ('boot-id', ?) ON CONFLICT DO UPDATE SET value = excluded.value";
    await host.inventory.database.write([[sql, this.#bootId]]);
  }
}
