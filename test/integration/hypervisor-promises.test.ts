// The promises of the driver contract, kept by KVM with a real guest, and by libvirt's test hypervisor.
import { mkdir, writeFile } from 'node:fs/promises';
import t from 'tap';
import { guestImage } from '../images/guest-image.ts';
import type { BenchOptions } from '../promises/bench.ts';
import { UNSUPPORTED } from '../promises/expected.ts';
import { keepAll } from '../promises/keep.ts';

const drivers: BenchOptions[] = [
  {
    driver: 'kvm',
    uri: 'qemu:///system',
    guest: { path: await guestImage(), format: 'qcow2', part: { guestType: 'hvm' } },
  },
  { driver: 'test', uri: 'test:///default' },
];

for (const options of drivers) {
  t.test(`the ${options.driver} driver keeps every promise, or says that it cannot`, async (t) => {
    const outcomes = await keepAll(options);
    for (const { promise, result, reason } of outcomes) {
      const expected = UNSUPPORTED[options.driver]!.includes(promise) ? 'unsupported' : 'pass';
      // libvirt's test hypervisor learns more with every release.
      const better = options.driver === 'test' && result === 'pass';
      t.equal(better ? expected : result, expected, `${promise} (${expected})`, { reason });
    }
    await mkdir('.cache/promises', { recursive: true });
    await writeFile(`.cache/promises/${options.driver}.json`, JSON.stringify(outcomes));
  });
}
