// Volumes whose removal failed when their operation was taken back: remembered, and removed at a later start.
import type { Host } from '../../host.ts';

/** Keeps in mind that `id` in `pool` is nobody's and has to go. */
export async function rememberDiscarded(host: Host, pool: string, id: string): Promise<void> {
  await host.inventory.transact((tx) => {
    tx.also('INSERT OR IGNORE INTO discarded VALUES (?, ?)', pool, id);
  });
}

/**
 * Removes what is remembered, and tells of volumes this inventory knows nothing of. Those are left alone: a pool
 * on NFS may be shared with other hosts, and an inventory may have been lost.
 */
export async function clearDiscarded(host: Host): Promise<void> {
  const { inventory, pools, log } = host;
  const rows = await inventory.database.read('SELECT pool, id FROM discarded');
  const clear = async (name: string) => {
    const pool = pools.get(name)!;
    for (const { id } of rows.filter((row) => row.pool === name)) {
      if (!inventory.get('vdisk', String(id))) await pool.remove(String(id));
      await inventory.transact((tx) => {
        tx.also('DELETE FROM discarded WHERE pool = ? AND id = ?', name, String(id));
      });
    }
    const foreign = (await pool.list()).filter((id) => !inventory.get('vdisk', id));
    if (foreign.length > 0) log.warn({ pool: name, volumes: foreign }, 'volumes not in this inventory');
  };
  const all = [...pools.keys()].map(async (name) => {
    // A pool that is away now is cleared at the next start.
    await clear(name).catch((error) => log.warn({ err: error, pool: name }, 'a pool could not be cleared'));
  });
  await Promise.all(all);
}
