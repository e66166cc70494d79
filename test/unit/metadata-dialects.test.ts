// The dialects existing images speak: EC2 with and without sessions, OpenStack, NoCloud, CloudStack.
import t from 'tap';
import { cloudStackPassword } from '../../metadata-server/http/cloudstack.ts';
import { SessionTokens } from '../../metadata-server/http/ec2-token.ts';
import { dialectFor } from '../../metadata-server/http/routes.ts';
import { directoryOf, factsOf, nicOf } from '../helpers/guest-facts.ts';
import { serveHttp } from '../helpers/metadata-http.ts';

const nic = nicOf({ ipv4: { address: '127.0.0.1', prefixLength: 24, gateway: '127.0.0.254' } });
const second = nicOf({
  vnicId: 'vnic-2',
  vnetId: 'vnet-b',
  position: 1,
  mac: '52:54:5e:00:00:02',
  ipv4: { address: '10.9.0.7', prefixLength: 16 },
  ipv6: { address: '2001:db8::7', prefixLength: 64 },
});
const guest = () => factsOf({ nics: [nic, second] });
const TTL = 'X-aws-ec2-metadata-token-ttl-seconds';
const TOKEN = 'X-aws-ec2-metadata-token';

t.test('a public address is shown where the guest looks for it, and nowhere without one', async (t) => {
  const lent = { ...nic, publicIpv4: '203.0.113.5', publicIpv6: '2001:db8:5::5' };
  const { ask, close } = await serveHttp(directoryOf(factsOf({ nics: [lent, second] })));
  t.teardown(close);
  const body = async (path: string) => (await ask(path)).body;
  const below = `/latest/meta-data/network/interfaces/macs/${nic.mac}`;
  t.equal(await body('/latest/meta-data/public-ipv4'), '203.0.113.5');
  t.equal(await body(`${below}/public-ipv4s`), '203.0.113.5');
  t.equal(await body(`${below}/ipv4-associations/203.0.113.5`), '127.0.0.1');
  t.equal(await body('/latest/meta-data/local-ipv4'), '127.0.0.1', 'its own stays its own');
  t.equal(await body('/system-data/vnics/0/public-ipv4-address'), '203.0.113.5');
  t.equal(await body('/system-data/vnics/0/public-ipv6-address'), '2001:db8:5::5');
  t.equal((await ask('/system-data/vnics/1/public-ipv4-address')).status, 404);
  const without = await serveHttp(directoryOf(guest()));
  t.teardown(without.close);
  t.equal((await without.ask('/latest/meta-data/public-ipv4')).status, 404);
});

t.test('EC2: every listed path leads to an item, as clients that crawl the tree expect', async (t) => {
  const { ask, close } = await serveHttp(directoryOf(guest()));
  t.teardown(close);
  const found = new Map<string, string>();
  const crawl = async (folder: string) => {
    const listing = await ask(folder);
    t.equal(listing.status, 200, folder);
    for (const name of listing.body.split('\n')) {
      // "0=alice" in public-keys/ stands for the folder 0/.
      if (name.endsWith('/') || name.includes('=')) await crawl(`${folder}${name.split(/[=/]/)[0]}/`);
      else found.set(`${folder}${name}`, (await ask(`${folder}${name}`)).body);
    }
  };
  await crawl('/2009-04-04/meta-data/');
  const get = (item: string) => found.get(`/2009-04-04/meta-data/${item}`);
  t.equal(get('instance-id'), 'i-00000001');
  t.equal(get('local-ipv4'), '127.0.0.1');
  t.equal(get('public-keys/0/openssh-key'), 'ssh-ed25519 AAAA alice@example.org');
  t.equal(get('tags/instance/ROLE'), 'web');
  const below = 'network/interfaces/macs/52:54:5e:00:00:02';
  t.equal(get(`${below}/subnet-ipv4-cidr-block`), '10.9.0.0/16');
  t.equal(get(`${below}/subnet-ipv6-cidr-blocks`), '2001:db8::/64');
  t.equal(get(`${below}/device-number`), '1');
});

t.test('EC2: versions, user data, identity', async (t) => {
  const directory = directoryOf(guest());
  const { ask, close } = await serveHttp(directory);
  t.teardown(close);
  t.ok((await ask('/')).body.split('\n').includes('2009-04-04'));
  t.equal((await ask('/latest/user-data')).body, '#!/bin/sh\necho hello\n');
  t.equal(
    (await ask('//latest//meta-data/mac')).body,
    '52:54:5e:00:00:01',
    'doubled slashes as EC2 takes them',
  );
  t.equal((await ask('/2031-01-01/meta-data/')).status, 404);
  const document = JSON.parse((await ask('/latest/dynamic/instance-identity/document')).body);
  t.match(document, { instanceId: 'i-00000001', privateIp: '127.0.0.1' });
  directory.guests[0] = { ...guest(), userData: Buffer.alloc(0) };
  t.equal((await ask('/latest/user-data')).status, 404, 'EC2 has no empty user data');
});

t.test('EC2: sessions are needed where the owner says so, and a bad token never passes', async (t) => {
  const directory = directoryOf({ ...guest(), allowImdsV1: false });
  const { ask, close } = await serveHttp(directory);
  t.teardown(close);
  t.equal((await ask('/latest/meta-data/')).status, 401);
  t.equal((await ask('/latest/user-data')).status, 401);
  for (const ttl of [undefined, '0', '21601', '-1', '1e3', 'x']) {
    const headers = ttl === undefined ? {} : { [TTL]: ttl };
    t.equal((await ask('/latest/api/token', { method: 'PUT', headers })).status, 400, `ttl ${ttl}`);
  }
  t.equal((await ask('/latest/api/token')).status, 405);
  const issued = await ask('/latest/api/token', { method: 'PUT', headers: { [TTL]: '60' } });
  t.match(issued, { status: 200, headers: { [TTL.toLowerCase()]: '60' } });
  const withToken = (token: string) => ask('/latest/meta-data/instance-id', { headers: { [TOKEN]: token } });
  t.match(await withToken(issued.body), { status: 200, body: 'i-00000001' });
  const forged = (issued.body.startsWith('B') ? 'C' : 'B') + issued.body.slice(1);
  for (const token of ['', 'x', forged]) t.equal((await withToken(token)).status, 401);
  directory.guests[0] = guest();
  t.equal((await ask('/latest/meta-data/')).status, 200, 'version 1 allowed');
  t.equal((await withToken('x')).status, 401, 'but a wrong token is wrong');
  const proxied = { [TTL]: '60', 'X-Forwarded-For': '127.0.0.1' };
  t.equal((await ask('/latest/api/token', { method: 'PUT', headers: proxied })).status, 403);
});

t.test('EC2: a token is good for its VServer, its instance and its time only', async (t) => {
  const tokens = new SessionTokens(Buffer.alloc(32, 1));
  const token = tokens.issue(guest(), 10, 1_000_000);
  t.ok(tokens.valid(guest(), token, 1_009_000));
  t.notOk(tokens.valid(guest(), token, 1_010_000), 'run out');
  t.notOk(tokens.valid({ ...guest(), vserverId: 'vs-2' }, token, 1_001_000), 'a neighbour’s');
  t.notOk(tokens.valid({ ...guest(), instanceId: 'i-2' }, token, 1_001_000), 'made anew from its image');
  t.notOk(new SessionTokens(Buffer.alloc(32, 2)).valid(guest(), token, 1_001_000), 'another secret');
  t.throws(() => new SessionTokens(Buffer.alloc(31)), RangeError);
});

t.test('OpenStack: documents', async (t) => {
  const directory = directoryOf(guest());
  const { ask, close } = await serveHttp(directory);
  t.teardown(close);
  t.ok((await ask('/openstack')).body.split('\n').includes('latest'));
  for (const name of (await ask('/openstack/latest/')).body.split('\n')) {
    t.equal((await ask(`/openstack/latest/${name}`)).status, 200, name);
  }
  const metaData = JSON.parse((await ask('/openstack/latest/meta_data.json')).body);
  t.match(metaData, { uuid: guest().uuid, hostname: 'demo.example.org', meta: { ROLE: 'web' } });
  const network = JSON.parse((await ask('/openstack/latest/network_data.json')).body);
  t.equal(network.links[1].ethernet_mac_address, '52:54:5e:00:00:02');
  t.equal((await ask('/openstack/latest/user_data')).body, '#!/bin/sh\necho hello\n');
  t.equal((await ask('/openstack/1999-01-01/')).status, 404);
  directory.guests[0] = { ...guest(), vendorData: Buffer.from([0xff, 0xfe]) };
  t.equal((await ask('/openstack/latest/vendor_data.json')).status, 404, 'binary does not fit into JSON');
});

t.test('OpenStack: a Windows guest posts its encrypted password once', async (t) => {
  const directory = directoryOf(guest());
  const { ask, close } = await serveHttp(directory);
  t.teardown(close);
  const path = '/openstack/2013-04-04/password';
  t.match(await ask(path), { status: 200, body: '' }, 'empty: not yet posted');
  const body = Buffer.from('sealed').toString('base64');
  t.equal((await ask(path, { method: 'POST', body })).status, 200);
  t.equal((await ask(path)).body, body);
  t.equal((await ask(path, { method: 'POST', body: 'b3RoZXI=' })).status, 409);
  t.same(directory.passwords.get('vs-00000001'), { text: body, how: 'encrypted' });
});

t.test('OpenStack: a password posted in clear is never shown to anybody who asks here', async (t) => {
  const { ask, close } = await serveHttp(directoryOf(guest()));
  t.teardown(close);
  await ask('/system-data/initial-password', { method: 'PUT', body: 'geheim' });
  t.equal((await ask('/openstack/2013-04-04/password')).body, '');
});

t.test('NoCloud: the four files', async (t) => {
  const { ask, close } = await serveHttp(
    directoryOf({ ...guest(), vendorData: Buffer.from('#cloud-config\n') }),
  );
  t.teardown(close);
  t.match((await ask('/nocloud/meta-data')).body, /instance-id: .?i-00000001/);
  t.equal((await ask('/nocloud/user-data')).body, '#!/bin/sh\necho hello\n');
  t.equal((await ask('/nocloud/vendor-data')).body, '#cloud-config\n');
  t.match((await ask('/nocloud/network-config')).body, /52:54:5e:00:00:02/);
  t.equal((await ask('/nocloud/other')).status, 404);
});

t.test('CloudStack: at the gateway address, its own names', async (t) => {
  const directory = directoryOf(guest());
  const { ask, close } = await serveHttp(directory, {}, (path) => dialectFor(path, true));
  t.teardown(close);
  for (const name of (await ask('/latest/meta-data/')).body.split('\n')) {
    t.equal((await ask(`/latest/meta-data/${name}`)).status, 200, name);
  }
  t.equal((await ask('/latest/meta-data/service-offering')).body, 'small');
  t.equal((await ask('/latest/meta-data/availability-zone')).body, 'innkeeper', 'cloud-init insists on it');
  t.match((await ask('/latest/meta-data/public-keys')).body, /^ssh-ed25519 AAAA/);
  t.equal((await ask('/latest/user-data')).body, '#!/bin/sh\necho hello\n');
  directory.guests[0] = { ...guest(), allowImdsV1: false };
  t.equal((await ask('/latest/user-data')).status, 401, 'no way round the sessions of EC2');
});

t.test('CloudStack: the password service says that there is no new password', async (t) => {
  const { ask, close } = await serveHttp(directoryOf(guest()), {}, () => cloudStackPassword);
  t.teardown(close);
  t.equal((await ask('/', { headers: { DomU_Request: 'send_my_password' } })).body, 'saved_password');
  t.equal((await ask('/', { headers: { DomU_Request: 'saved_password' } })).body, 'saved_password');
  t.equal((await ask('/')).body, 'bad_request');
});
