// Whether the host can do its work now, and what a person should know.
import { type Static, Type } from '@sinclair/typebox';
import type { HostTotals } from './totals.ts';

export const Health = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')], {
    description: '`degraded` while the hypervisor or a storage pool cannot be asked',
  }),
  warnings: Type.Array(Type.String()),
});
export type Health = Static<typeof Health>;

/** Pure. */
export function healthOf(totals: HostTotals, connected: boolean): Health {
  const pools = [...totals.pools].flatMap(([name, { unavailable }]) =>
    unavailable ? [`The storage pool ${name} is not available: ${unavailable}`] : [],
  );
  const away = connected ? [] : ['The hypervisor daemon is not connected.'];
  const warnings = [...away, ...pools];
  return { status: warnings.length === 0 ? 'ok' : 'degraded', warnings };
}
