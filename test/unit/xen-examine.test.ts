// What the doctor is told of a Xen host, from libvirt's own words about one.
import t from 'tap';
import { xenFinding } from '../../drivers/xen/examine.ts';
import { offeredTypes } from '../../drivers/xen/offered.ts';

const guest = (type: string) => `<guest><os_type>${type}</os_type><arch name='x86_64'/></guest>`;
const capabilities = (...types: string[]) => `<capabilities>${types.map(guest).join('')}</capabilities>`;

t.test("a host with the processor's help runs everything", async (t) => {
  const types = offeredTypes(capabilities('xen', 'hvm', 'xenpvh'));
  t.same(types, ['hvm', 'pvh', 'pv']);
  const { level, found } = xenFinding('4.17.0', types, true);
  t.equal(level, 'ok');
  t.match(found, 'Xen 4.17.0 runs hvm, pvh, pv guests; weights and caps can be set');
});

t.test('one without it is warned of', async (t) => {
  const types = offeredTypes(capabilities('xen'));
  t.same(types, ['pv']);
  const { code, level, means, do: what } = xenFinding('4.17.0', types, false);
  t.same([code, level], ['hvm-unusable', 'warning']);
  t.ok(means && what);
});
