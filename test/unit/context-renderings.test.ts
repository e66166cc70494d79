// NoCloud, config drive and OVF environment: what they say, that they are safe, and that equal facts look equal.
import { XMLParser } from 'fast-xml-parser';
import t from 'tap';
import {
  CONTEXT_KINDS,
  contextFiles,
  layOut,
  networkConfigFile,
  networkConfigV2,
  noCloudMetaData,
  openStackMetaData,
  openStackNetworkData,
  openStackVendorData,
  ovfEnvironment,
  smbiosFor,
  toYaml,
} from '../../contextualization/mod.ts';
import { facts } from '../helpers/context-facts.ts';

t.test('the network configuration matches NICs by MAC address and has one default route', async (t) => {
  t.same(networkConfigV2(facts()), {
    version: 2,
    ethernets: {
      eth0: {
        match: { macaddress: '52:54:00:00:00:01' },
        'set-name': 'eth0',
        mtu: 1450,
        dhcp4: false,
        dhcp6: false,
        addresses: ['10.0.0.5/24', 'fd00::5/64'],
        gateway4: '10.0.0.1',
        gateway6: 'fe80::1',
        nameservers: { addresses: ['10.0.0.1', 'fd00::1'], search: ['example.org'] },
      },
      eth1: {
        match: { macaddress: '52:54:00:00:00:02' },
        'set-name': 'eth1',
        mtu: 1500,
        dhcp4: false,
        dhcp6: false,
        addresses: ['10.1.1.5/22'],
      },
    },
  });
  t.match(networkConfigFile(facts()), /^version: 2\nethernets:\n {2}eth0:\n {4}match:\n/);
  t.equal(networkConfigFile(facts({ nics: [] })), 'version: 2\nethernets: {}\n');
});

t.test('YAML quotes every string a parser could take for something else', async (t) => {
  const value = {
    plain: 'word',
    'a key': [
      'yes',
      'NULL',
      '0x10',
      '1e3',
      '2026-01-02',
      '',
      '- a',
      'a: b',
      '#c',
      '&x',
      '*x',
      '!t',
      '%d',
      '@',
      '`',
    ],
    text: 'tab\tline\nquote" back\\ \u2028\u0085\ufeff',
    deep: [{ a: 1, b: [true, {}] }, []],
  };
  t.equal(
    toYaml(value),
    [
      'plain: word',
      '"a key":',
      ...[
        'yes',
        'NULL',
        '0x10',
        '1e3',
        '2026-01-02',
        '',
        '- a',
        'a: b',
        '#c',
        '&x',
        '*x',
        '!t',
        '%d',
        '@',
        '`',
      ].map((s) => `  - "${s}"`),
      'text: "tab\\tline\\nquote\\" back\\\\ \\u2028\\u0085\\ufeff"',
      'deep:',
      '  - a: 1',
      '    b:',
      '      - true',
      '      - {}',
      '  - []',
      '',
    ].join('\n'),
  );
});

t.test('NoCloud meta-data has identity, keys and custom variables', async (t) => {
  t.equal(
    noCloudMetaData(facts({ variables: { ROLE: 'web: yes' } })),
    `instance-id: i-1
local-hostname: demo.example.org
public-keys:
  - "ssh-ed25519 AAAA alice@a"
  - "ssh-rsa BBBB alice@b"
meta:
  ROLE: "web: yes"
`,
  );
});

t.test('OpenStack documents have the shapes of Nova', async (t) => {
  t.match(openStackMetaData(facts({ variables: { a: 'b' } })), {
    uuid: '0a6d4e3c-1111-4222-8333-000000000001',
    hostname: 'demo.example.org',
    public_keys: { 'key-0': 'ssh-ed25519 AAAA alice@a', 'key-1': 'ssh-rsa BBBB alice@b' },
    keys: [{ name: 'key-0', type: 'ssh', data: 'ssh-ed25519 AAAA alice@a' }, { name: 'key-1' }],
    meta: { a: 'b' },
  });
  t.match(openStackNetworkData(facts()), {
    links: [
      { id: 'nic0', type: 'phy', mtu: 1450, ethernet_mac_address: '52:54:00:00:00:01', vif_id: 'vn-1' },
      { id: 'nic1' },
    ],
    networks: [
      {
        link: 'nic0',
        type: 'ipv4',
        ip_address: '10.0.0.5',
        netmask: '255.255.255.0',
        routes: [{ network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.0.0.1' }],
      },
      {
        link: 'nic0',
        type: 'ipv6',
        ip_address: 'fd00::5/64',
        routes: [{ network: '::', gateway: 'fe80::1' }],
      },
      { link: 'nic1', ip_address: '10.1.1.5', netmask: '255.255.252.0' },
    ],
    services: [
      { type: 'dns', address: '10.0.0.1' },
      { type: 'dns', address: 'fd00::1' },
    ],
  });
});

t.test('OpenStack vendor data: JSON stays, text is wrapped for cloud-init, binary is refused', async (t) => {
  const render = (vendorData: Uint8Array) => openStackVendorData(facts({ vendorData }));
  t.same(render(new Uint8Array()), {});
  t.same(render(Buffer.from('{"a": [1]}')), { a: [1] });
  t.same(render(Buffer.from('#cloud-config\n{}')), { 'cloud-init': '#cloud-config\n{}' });
  t.same(render(Buffer.from('[1]')), { 'cloud-init': '[1]' });
  t.throws(() => render(Buffer.from([0x1f, 0x8b, 0xff])), { code: 'unsupported' });
});

t.test('the OVF environment gives every property back through an XML parser', async (t) => {
  const userData = Buffer.from([0, 255, 60, 38]);
  const nasty = `<a href="x">&amp; 'q'\n\ttab\r\n世界 🎉 ]]>`;
  const xml = ovfEnvironment(facts({ userData, variables: { nasty, 'with"<quote': 'v' } }));
  const options = { ignoreAttributes: false, attributeNamePrefix: '', trimValues: false, htmlEntities: true };
  const rows = new XMLParser(options).parse(xml).Environment.PropertySection.Property;
  const values = Object.fromEntries(
    rows.map((row: Record<string, string>) => [row['oe:key'], row['oe:value']]),
  );
  t.equal(values['instance-id'], 'i-1');
  t.equal(values.hostname, 'demo.example.org');
  t.equal(values['public-keys'], 'ssh-ed25519 AAAA alice@a\nssh-rsa BBBB alice@b');
  t.same(Buffer.from(values['user-data'], 'base64'), userData);
  t.equal(values['configuration-service'], 'http://169.254.169.254/');
  t.match(Buffer.from(values['network-config'], 'base64').toString(), /^network:\n {2}version: 2\n/);
  t.equal(values.nasty, nasty);
  t.equal(values['with"<quote'], 'v');
  t.throws(() => ovfEnvironment(facts({ variables: { a: '\u0001' } })), { code: 'invalid' });
  t.throws(() => ovfEnvironment(facts({ variables: { seedfrom: 'http://evil/' } })), { code: 'invalid' });
});

t.test('labels and file names are those the guests look for', async (t) => {
  const seen = CONTEXT_KINDS.map((kind) => {
    const { label, files } = contextFiles(kind, facts());
    return [kind, label, ...files.map(({ path }) => path)];
  });
  t.same(seen, [
    ['opennebula', 'CONTEXT', 'context.sh'],
    ['nocloud', 'cidata', 'meta-data', 'user-data', 'vendor-data', 'network-config'],
    [
      'config-drive',
      'config-2',
      'openstack/latest/meta_data.json',
      'openstack/latest/network_data.json',
      'openstack/latest/vendor_data.json',
      'openstack/latest/user_data',
    ],
    ['ovf', 'OVF-TRANSPORT', 'ovf-env.xml'],
  ]);
});

t.test('equal facts give equal bytes, whatever order their variables came in', async (t) => {
  for (const kind of CONTEXT_KINDS) {
    const one = layOut(contextFiles(kind, facts({ variables: { A: '1', B: '2' } })));
    const other = layOut(contextFiles(kind, facts({ variables: { B: '2', A: '1' } })));
    t.same(one, other, kind);
    const changed = layOut(contextFiles(kind, facts({ variables: { A: '1', B: '3' } })));
    t.notSame(one, changed, `${kind} shows a change`);
  }
});

t.test('firmware strings select one datasource', async (t) => {
  const guest = { vserverId: 'vs-1', uuid: 'EC2d4e3c-1111-4222-8333-000000000001' };
  t.same(smbiosFor('nocloud', guest), { manufacturer: 'Innkeeper', product: 'VServer', serial: 'vs-1' });
  t.equal(smbiosFor('nocloud-http', guest).serial, 'ds=nocloud-net;s=http://169.254.169.254/nocloud/');
  t.equal(smbiosFor('openstack', guest).product, 'OpenStack Nova');
  t.match(smbiosFor('cloudstack', guest).product, /^CloudStack/);
  t.equal(smbiosFor('ec2', guest).serial, 'ec2d4e3c-1111-4222-8333-000000000001');
  t.throws(() => smbiosFor('ec2', { ...guest, uuid: '0ad4e3c' }), { code: 'invalid', message: /ec2/ });
});
