// Sends a list of frames from a guest and tells where each of them was seen.
import type { Attempt } from './network-attempts.ts';
import { capture, type Station, send } from './network-lab.ts';
import { BROADCAST, ethernet, ipv4, udp } from './network-packets.ts';

/** In the last frame of a sequence. */
export const END = Buffer.from('ik-end-of-sending');

/** The last frame of a sequence: lawful for whom these addresses are, and seen by everybody. */
export const endFrom = (mac: string, address: string): Buffer =>
  ethernet(mac, BROADCAST, 0x0800, ipv4(address, '255.255.255.255', 17, udp(4000, 4001, END)));

/** Where to look: what it is called, its namespace, its device. */
export type Place = [name: string, namespace: string | undefined, device: string];

/** Sends, and tells at which places each attempt was seen. */
export async function observe(
  from: Pick<Station, 'namespace'>,
  attempts: Attempt[],
  places: Place[],
  end: Buffer,
): Promise<Map<string, string[]>> {
  const captures = await Promise.all(places.map(([, namespace, device]) => capture(namespace, device, END)));
  await send(
    from.namespace,
    attempts.map((attempt) => attempt.frame),
  );
  await send(from.namespace, [end]);
  const found = new Map<string, string[]>(attempts.map((attempt) => [attempt.name, []]));
  for (const [at, { frames }] of captures.entries()) {
    const seen = await frames;
    if (!seen.some((frame) => frame.includes(END)))
      throw new Error(`the capture at ${places[at]![0]} missed the end`);
    for (const { name, marker } of attempts) {
      if (seen.some((frame) => frame.includes(marker))) found.get(name)!.push(places[at]![0]);
    }
  }
  return found;
}
