// The OpenNebula context: network variables, references between variables, and what is refused.
import t from 'tap';
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
