// What is said of a guest without an address follows from what was counted.
import t from 'tap';
import { type VNicFacts, verdict, vnicFindings } from '../../agent/queries/vnic-findings.ts';
import { noCounts } from '../../metadata-server/dhcp-clients.ts';
import { DHCP4_EVENTS } from '../../metadata-server/dhcp4/service.ts';
import { DHCP6_EVENTS } from '../../metadata-server/dhcp6/service.ts';

const mac = '52:54:00:00:00:01';
const dropped = Object.fromEntries(
  [
    'mac',
    'vlan',
    'type',
    'arp',
    'ipv4',
    'ipv6',
    'dhcp',
    'ra',
    'nd',
    'malformed',
    'destination',
    'security',
  ].map((r) => [r, 0]),
) as NonNullable<VNicFacts['frames']>['dropped'];

type Counts4 = Partial<Record<(typeof DHCP4_EVENTS)[number], number>>;
type Counts6 = Partial<Record<(typeof DHCP6_EVENTS)[number], number>>;

function services(four?: Counts4, six?: Counts6): NonNullable<VNicFacts['services']> {
  return {
    dhcp4: noCounts(DHCP4_EVENTS),
    dhcp4Clients: four ? [{ mac, lastSeen: 0, counts: { ...noCounts(DHCP4_EVENTS), ...four } }] : [],
    dhcp6: noCounts(DHCP6_EVENTS),
    dhcp6Clients: six ? [{ mac, lastSeen: 0, counts: { ...noCounts(DHCP6_EVENTS), ...six } }] : [],
    http: {} as NonNullable<VNicFacts['services']>['http'],
  };
}

const sound: VNicFacts = {
  vnic: {
    id: 'vnic-1',
    vserverId: 'vs-1',
    vnetId: 'vnet-1',
    position: 0,
    mac,
    device: 'ikt1',
    ipv4: '10.0.0.2',
  },
  vserver: { name: 'web', state: 'running' },
  bridge: 'ikb1',
  vnetComplete: true,
  tap: { name: 'ikt1', up: true, master: 'ikb1' },
  ruled: true,
  frames: { fromGuest: 9, toGuest: 9, dropped },
  services: services({ discover: 1, offer: 1, request: 1, ack: 1 }),
};
const said = (changes: Partial<VNicFacts>) => verdict(vnicFindings({ ...sound, ...changes }));

t.test('each cause has its sentence', (t) => {
  const cases: [what: string, changes: Partial<VNicFacts>, sentence: RegExp][] = [
    ['all is well', {}, /^10\.0\.0\.2 was acknowledged 1 time/],
    ['the guest is off', { vserver: { name: 'web', state: 'inactive' } }, /web is inactive/],
    ['the VNet is broken', { vnetComplete: false }, /VNet is not complete/],
    ['nothing serves it', { services: undefined }, /do not run/],
    ['no tap', { tap: undefined }, /No link: there is no device ikt1/],
    ['tap down', { tap: { name: 'ikt1', up: false, master: 'ikb1' } }, /ikt1 is down/],
    [
      'tap elsewhere',
      { tap: { name: 'ikt1', up: true, master: 'virbr0' } },
      /not a port of ikb1 but of virbr0/,
    ],
    ['no rules', { ruled: false }, /rules of ikt1 are missing/],
    ['silence', { frames: { fromGuest: 0, toGuest: 3, dropped } }, /not sent a single frame/],
    ['no request', { services: services() }, /No DHCP request has been seen/],
    ['never taken', { services: services({ discover: 3, offer: 3 }) }, /offered 3 time\(s\) and never taken/],
    ['declined', { services: services({ ack: 1, decline: 1 }) }, /another machine using its address/],
    ['wrong address', { services: services({ request: 2, nak: 2 }) }, /never given 10\.0\.0\.2/],
    ['cannot be sent', { services: services({ ack: 1, sendFailed: 1 }) }, /could not be sent/],
  ];
  for (const [what, changes, sentence] of cases) t.match(said(changes), sentence, what);
  t.end();
});

t.test('what was dropped, refused or too much is noted beside', (t) => {
  const findings = vnicFindings({
    ...sound,
    frames: { fromGuest: 9, toGuest: 9, dropped: { ...dropped, ipv6: 4, vlan: 1 } },
    services: services({ ack: 1, nak: 1, rateLimited: 7 }),
  });
  const notes = findings.filter(({ level }) => level === 'note').map(({ text }) => text);
  t.match(notes, [
    /1 of 9 frames.*VLAN tag/,
    /4 of 9 frames.*EUI-64/,
    /7 message\(s\) were not answered/,
    /NAKed 1/,
  ]);
  t.match(verdict(findings), /acknowledged/, 'and is no reason to have no address');
  t.end();
});

t.test('IPv6 is judged by itself', (t) => {
  const vnic = { ...sound.vnic, ipv6: 'fd12::2' };
  t.match(said({ vnic, services: services({ ack: 1 }, { solicit: 1 }) }), /fd12::2 was never given/);
  t.match(
    said({ vnic, services: services({ ack: 1 }, { reply: 1 }) }),
    /10\.0\.0\.2 was ack.*fd12::2 was given 1/,
  );
  const { ipv4: _, ...only } = vnic;
  t.match(said({ vnic: only, services: services() }), /No DHCPv6 message has been seen/);
  t.end();
});
