// The OpenNebula context: network variables, references between variables, and what is refused.
import t from 'tap';
import { type Reader, siblingsOf } from '../../agent/guest/facts.ts';
import type { VServer } from '../../agent/resources/vserver.ts';
import { contextFiles, openNebulaContext, resolveReferences } from '../../contextualization/mod.ts';
import { facts } from '../helpers/context-facts.ts';

t.test('every NIC has its ETHx variables, and none for what it has not', async (t) => {
  const lines = openNebulaContext(facts()).split('\n');
  const nic = (n: number) => lines.filter((line) => line.startsWith(`ETH${n}_`));
  t.same(nic(0), [
    "ETH0_MAC='52:54:00:00:00:01'",
    "ETH0_MTU='1450'",
    "ETH0_IP='10.0.0.5'",
    "ETH0_MASK='255.255.255.0'",
    "ETH0_NETWORK='10.0.0.0'",
    "ETH0_GATEWAY='10.0.0.1'",
    "ETH0_IP6='fd00::5'",
    "ETH0_IP6_PREFIX_LENGTH='64'",
    "ETH0_IP6_GATEWAY='fe80::1'",
    "ETH0_GATEWAY6='fe80::1'",
    "ETH0_DNS='10.0.0.1 fd00::1'",
    "ETH0_SEARCH_DOMAIN='example.org'",
  ]);
  t.same(nic(1), [
    "ETH1_MAC='52:54:00:00:00:02'",
    "ETH1_MTU='1500'",
    "ETH1_IP='10.1.1.5'",
    "ETH1_MASK='255.255.252.0'",
    "ETH1_NETWORK='10.1.0.0'",
    "ETH1_GATEWAY='10.1.0.1'",
  ]);
});

t.test('references are resolved', async (t) => {
  const cases: [string, string][] = [
    ['$NAME', 'demo'],
    ['$name-$UUID', 'demo-0a6d4e3c-1111-4222-8333-000000000001'],
    ['10.0.0.$VMID', '10.0.0.vs-1'],
    ['$NIC[IP]', '10.0.0.5'],
    ['$nic[ip]/$NIC[ MAC ]', '10.0.0.5/52:54:00:00:00:01'],
    ['$NIC[IP, NETWORK="back"]', '10.1.1.5'],
    ['$NIC[IP,NETWORK="lan one"]:80', '10.0.0.5:80'],
    ['$NIC[NETWORK, NIC_ID=1]', 'back'],
    ['$NETWORK[GATEWAY, NETWORK="back"]', '10.1.0.1'],
    ['$NETWORK[DNS, NETWORK_ID="net-1"]', '10.0.0.1 fd00::1'],
    ['$NETWORK[NETWORK_MASK, NETWORK="back"]', '255.255.252.0'],
  ];
  for (const [text, result] of cases) t.equal(resolveReferences(text, facts()), result, text);
});

t.test('a NIC, network or attribute that is not there gives nothing', async (t) => {
  for (const text of ['$NIC[IP, NETWORK="no"]', '$NIC[NOTHING]', '$NETWORK[DNS]', '$NIC[IP, __proto__=x]']) {
    t.equal(resolveReferences(text, facts()), '', text);
  }
  t.equal(resolveReferences('$NIC[IP]', facts({ nics: [] })), '');
});

t.test('another VServer of the same owner is asked by its id or name', async (t) => {
  const peer = facts({ name: 'db', hostname: 'db.example.org', nics: facts().nics.slice(1) });
  const siblings = (reference: string) => (['4', 'db-1', 'NAME'].includes(reference) ? peer : undefined);
  const cases: [string, string][] = [
    ['$4.$NAME', 'db'],
    ['jdbc:$db-1.$NIC[IP]:5432', 'jdbc:10.1.1.5:5432'],
    ['$4.$NIC[IP, NETWORK="back"],$NIC[IP]', '10.1.1.5,10.0.0.5'],
    ['$4.$hostname $HOSTNAME', 'db.example.org demo.example.org'],
    ['$4.$NIC[IP, NETWORK="no"]', ''],
    ['$4.$HOME', '$4.$HOME'],
    ['$5.$NAME', '$5.demo'],
    ['$HOME.$NAME', '$HOME.demo'],
    ['$NAME.$HOSTNAME', 'demo.demo.example.org'],
    ['\\$4.$NAME', '$4.demo'],
    ['$4.x', '$4.x'],
  ];
  for (const [text, result] of cases) t.equal(resolveReferences(text, facts(), siblings), result, text);
  t.equal(resolveReferences('$4.$NAME', facts()), '$4.demo', 'without others there is nobody to ask');
  const long = '$a-'.repeat(20_000);
  t.equal(resolveReferences(long, facts(), siblings), long, 'a hostile value is read in linear time');
});

t.test('others are those of the same owner only', async (t) => {
  const vserver = (id: string, name: string, creator: string) =>
    ({ id, name, creator, userData: '' }) as VServer;
  const all = [
    vserver('vs-1', 'web', 'alice'),
    vserver('vs-2', 'db', 'alice'),
    vserver('vs-3', 'secret', 'bob'),
    vserver('vs-4', 'vs-2', 'alice'),
  ];
  const list = (kind: string) => (kind === 'vserver' ? all : []);
  const reader = { list, get: () => undefined } as unknown as Reader;
  const found = siblingsOf(
    reader,
    { dns_servers: [], search_domains: [], ntp_servers: [] } as never,
    all[0]!,
  );
  t.equal(found('db')?.vserverId, 'vs-2');
  t.equal(found('vs-2')?.vserverId, 'vs-2', 'an id comes before a name');
  t.equal(found('secret'), undefined);
  t.equal(found('vs-3'), undefined);
});

t.test('what is no reference of ours stays, so that scripts keep their own variables', async (t) => {
  for (const text of [
    '$HOME',
    '$1',
    '$(hostname)',
    '$' + '{NAME}',
    '$$',
    '$',
    '$constructor',
    '$NIC[IP',
    '100$ or $ 5',
  ]) {
    t.equal(resolveReferences(text, facts()), text, text);
  }
  t.equal(resolveReferences('\\$NAME is $NAME', facts()), '$NAME is demo');
});

t.test('a value of a reference is never resolved again', async (t) => {
  t.equal(resolveReferences('$NAME', facts({ name: '$NIC[IP]' })), '$NIC[IP]');
});

t.test('a long hostile value costs no more than reading it', async (t) => {
  const text = '$NIC[IP, NETWORK="'.repeat(20_000);
  t.ok(resolveReferences(text, facts()).length > 0);
});

t.test('names that are not for custom variables are refused, and the message names them', async (t) => {
  const names = [
    'ETH0_IP',
    'HOSTNAME',
    'SSH_PUBLIC_KEY',
    'USER_DATA',
    'NETWORK',
    'PATH',
    'UID',
    'BASH_ENV',
    'LD_PRELOAD',
  ];
  for (const name of [...names, 'A-B', '1', 'a b']) {
    t.throws(
      () => openNebulaContext(facts({ variables: { [name]: 'x' } })),
      { name: 'ContextError', code: 'invalid', message: new RegExp(name) },
      name,
    );
  }
});

t.test('a custom *_MAC that would rename a NIC for cloud-init is refused', async (t) => {
  t.throws(() => openNebulaContext(facts({ variables: { LAN_MAC: '$NIC[MAC]' } })), { code: 'invalid' });
  t.match(openNebulaContext(facts({ variables: { LAN_MAC: '00:11:22:33:44:55' } })), /LAN_MAC='00:11/);
});

t.test('FILES names the files beside context.sh', async (t) => {
  const file = { path: 'init.sh', content: Buffer.from('echo') };
  const medium = contextFiles('opennebula', facts(), { files: [file, { ...file, path: 'second' }] });
  t.same(
    medium.files.map(({ path }) => path),
    ['context.sh', 'init.sh', 'second'],
  );
  t.match(Buffer.from(medium.files[0]?.content as Uint8Array).toString(), "\nFILES='init.sh second'\n");
  for (const path of ['context.sh', 'a b', 'deep/file', '']) {
    t.throws(
      () => contextFiles('opennebula', facts(), { files: [{ ...file, path }] }),
      { code: 'invalid' },
      path,
    );
  }
});
